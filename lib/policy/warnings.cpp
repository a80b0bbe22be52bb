// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "policy/finding.hpp"
#include "policy/policy.hpp"
#include "policy/text.hpp"
#include "policy/voices.hpp"

namespace mitibox {

namespace {

using Lines = std::vector<std::string>;

constexpr unsigned kWidest4 = 28;
constexpr unsigned kWidest6 = 64;
constexpr unsigned kShared4 = 24;  // what one network usually has
constexpr unsigned kSite6 = 48;
constexpr Seconds kIdleTcp{7440};  // RFC 5382, REQ-5

std::string_view family(bool v4) {
  return v4 ? "IPv4" : "IPv6";
}

/// Blocks whose packets are classified away before any rule.
bool passed_untouched(const Prefix& p) {
  static const std::vector<Prefix> blocks = [] {
    std::vector<Prefix> out;
    for (const char* text : {"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4",
                             "255.255.255.255", "::/128", "::1/128", "fe80::/10", "ff00::/8"})
      out.push_back(*parse_prefix(text));
    return out;
  }();
  return std::any_of(blocks.begin(), blocks.end(),
                     [&](const Prefix& b) { return p.bits >= b.bits && b.contains(p.address); });
}

void network(const Policy& p, Lines& out) {
  for (const Prefix& x : p.protected_prefixes) {
    if (x.bits == 0)
      out.push_back(
          fmt::format("protected {}: every {} address counts as inside, so no packet "
                      "comes from outside and none is judged",
                      to_string(x), family(x.address.is_v4())));
    if (passed_untouched(x))
      out.push_back(
          fmt::format("protected {}: loopback, link-local, multicast and unspecified "
                      "addresses are passed untouched and cannot be protected",
                      to_string(x)));
  }
  for (const bool v4 : {true, false}) {
    const auto of = [v4](const Address& a) { return a.is_v4() == v4; };
    if (std::any_of(p.protected_prefixes.begin(), p.protected_prefixes.end(),
                    [&](const Prefix& x) { return of(x.address); }) &&
        std::none_of(p.gateways.begin(), p.gateways.end(), of))
      out.push_back(
          fmt::format("gateways: none for {}; a router with a protected address is "
                      "known only once it has sent ARP or ND outside, so list it",
                      family(v4)));
  }
}

void services(const Policy& p, Lines& out) {
  const bool finds = p.learn.length.count() != 0 || !p.imports.empty();
  if (p.services.empty() && !finds)
    out.emplace_back(
        "services: none; every connection from outside is refused and distrusts its source");
  for (const Service& s : p.services)
    if (s.echo)
      out.push_back(
          fmt::format("service {}: echo is answered by the host itself, a leak: its "
                      "timing differs from forged answers and it stops when the host does",
                      to_string(s.address)));
}

void probability(const Policy& p, Lines& out) {
  const bool admit = p.probability.retransmission == Policy::Retransmission::admit;
  if (p.probability.drop <= 0)
    out.push_back(
        fmt::format("probability.drop 0: nothing is dropped, every probe is answered "
                    "at the first try{}",
                    admit ? "; retransmission \"admit\" has no effect" : ""));
  if (p.probability.drop >= 1)
    out.emplace_back(admit ? "probability.drop 1: every first packet is dropped, only repeats get "
                             "in: each connection waits for a retransmission"
                           : "probability.drop 1 with retransmission \"hold\": nobody gets in but "
                             "to public services");
}

void trust(const Policy& p, Lines& out) {
  if (p.trust.partial.empty())
    out.push_back(
        fmt::format("trust.partial: no levels; a distrusted source is as good as new "
                    "after {}",
                    policy_text::to_string(p.trust.distrusted)));
  const auto wide = [&](std::string_view key, const Prefix& x, std::string_view where) {
    const unsigned widest = x.address.is_v4() ? kWidest4 : kWidest6;
    if (x.bits < widest)
      out.push_back(
          fmt::format("trust.{} {}: wider than /{}; whoever scans{} from there is never distrusted",
                      key, to_string(x), widest, where));
  };
  for (const Prefix& x : p.trust.never_distrust) wide("never_distrust", x, "");
  for (const Allowance& a : p.trust.allow)
    for (const Prefix& x : a.sources)
      wide("allow", x, a.to.empty() ? "" : " what it is allowed to reach");
  const auto& e = p.trust.escalate;
  if (!e.ipv4.empty() && e.ipv4.back() < kShared4)
    out.push_back(
        fmt::format("trust.escalate.ipv4 /{}: {} scanners distrust {} addresses with them",
                    e.ipv4.back(), e.needed(e.ipv4.size() - 1), 1ULL << (32 - e.ipv4.back())));
  if (!e.ipv6.empty() && e.ipv6.back() < kSite6)
    out.push_back(
        fmt::format("trust.escalate.ipv6 /{}: wider than a site (/48); scanners distrust "
                    "strangers with them",
                    e.ipv6.back()));
  if (p.trust.ipv4_prefix < kShared4)
    out.push_back(fmt::format("trust.ipv4_prefix {}: one scanner distrusts {} addresses with it",
                              p.trust.ipv4_prefix, 1ULL << (32 - p.trust.ipv4_prefix)));
  if (p.trust.ipv6_prefix > 64)
    out.push_back(fmt::format("trust.ipv6_prefix {}: whoever has a /64 has 2^{} sources to burn",
                              p.trust.ipv6_prefix, p.trust.ipv6_prefix - 64));
  if (p.trust.ipv6_prefix < kSite6)
    out.push_back(
        fmt::format("trust.ipv6_prefix {}: wider than a site (/48); one scanner "
                    "distrusts strangers with it",
                    p.trust.ipv6_prefix));
}

bool meets(const AddressRange& r, const Prefix& p) {
  return r.first.is_v4() == p.address.is_v4() && r.first <= p.last() && p.first() <= r.last;
}

void neighbours(const Policy& p, Lines& out) {
  const auto& dark = p.neighbours.answer_dark;
  if (dark.empty())
    out.emplace_back(
        "neighbours.answer_dark: empty; probes of dark addresses are answered only if they are "
        "routed to the box, else their silence tells them from live ones");
  else
    for (const AddressRange& r : p.neighbours.dhcp_ranges)
      if (std::none_of(dark.begin(), dark.end(), [&](const Prefix& d) { return meets(r, d); }))
        out.push_back(
            fmt::format("neighbours.dhcp_ranges {}-{}: meets nothing in answer_dark and "
                        "has no effect",
                        to_string(r.first), to_string(r.last)));
}

void reply(const Policy& p, Lines& out) {
  constexpr double kCredible = 100;
  if (p.reply.udp == Policy::UdpReply::unreachable)
    out.emplace_back(
        "reply.udp \"unreachable\": a leak: real services that stay silent are marked by it");
  if (p.reply.surface == Policy::Surface::sparse) {
    if (p.trust.evidence == Policy::Evidence::proof)
      out.emplace_back(
          "reply.surface \"sparse\" with trust.evidence \"proof\": what looks closed is known to "
          "be no service, and asking costs a scanner nothing; \"weighted\" makes it cost");
    const double open = expected_decoys(p);
    if (open > kCredible || open < 1)
      out.push_back(fmt::format(
          "reply.decoys: about {:.1f} at each address{}", open,
          open < 1 ? "; what looks open is mostly a service" : ", more than a host offers"));
  }
  for (const Voice& v : p.reply.voices)
    if (speaks_smtp(v) && v.greeting.starts_with('5'))
      out.push_back(
          fmt::format("reply.voices {}: a mail sender that is diverted gives its mail up; "
                      "after a 4xx it tries again",
                      policy_text::printable(v.greeting, 20)));
}

void http(const Policy& p, Lines& out) {
  if (!p.http.listen) {
    if (!p.http.names.empty())
      out.emplace_back("http.names: without http.listen nobody is there to be called by them");
    return;
  }
  if (is_loopback(p.http.listen->address)) return;
  out.push_back(
      fmt::format("http.listen {}: whoever reaches it reads what the box knows of sources and "
                  "hosts, without a password or encryption; keep it to the loopback address behind "
                  "a proxy or a tunnel, or let a firewall choose who may",
                  to_string(*p.http.listen)));
}

}  // namespace

std::vector<std::string> warnings(const Policy& policy) {
  Lines out;
  if (policy.mode == Policy::Mode::monitor)
    out.push_back("mode monitor: nothing is dropped or forged, scans see the LAN as it is");
  network(policy, out);
  services(policy, out);
  probability(policy, out);
  trust(policy, out);
  neighbours(policy, out);
  reply(policy, out);
  warn_of_finding(policy, out);
  http(policy, out);
  if (policy.timeouts.established < kIdleTcp)
    out.push_back(fmt::format(
        "timeouts.established {}: shorter than {} (RFC 5382); idle "
        "connections such as SSH may be cut",
        policy_text::to_string(policy.timeouts.established), policy_text::to_string(kIdleTcp)));
  return out;
}

}  // namespace mitibox
