// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <string>
#include <vector>

#include "observe/event.hpp"
#include "policy/policy.hpp"
#include "policy/text.hpp"

namespace mitibox {

namespace {

using policy_text::to_string;

constexpr std::size_t kTitle = 15;
constexpr std::size_t kName = 17;
constexpr std::size_t kShownPath = 200;

std::string join(const std::vector<std::string>& parts, std::string_view by) {
  return fmt::format("{}", fmt::join(parts, by));
}

/// Paragraphs of aligned rows, a title before the first row of each.
class Page {
 public:
  void topic(std::string_view title) {
    if (!text_.empty()) text_ += '\n';
    title_ = title;
  }
  void row(std::string_view name, std::string_view value, std::string_view note = "") {
    std::string line = fmt::format("{:<{}}{:<{}}{}", title_, kTitle, name, kName, value);
    if (!note.empty()) line = fmt::format("{:<{}}  {}", line, kTitle + kName + 10, note);
    line.erase(line.find_last_not_of(' ') + 1);
    text_ += line + '\n';
    title_ = "";
  }
  void plain(std::string_view value) {
    text_ += fmt::format("{:<{}}{}\n", title_, kTitle, value);
    title_ = "";
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string_view title_;
};

std::string ports(const std::vector<PortRange>& ranges) {
  std::vector<std::string> parts;
  parts.reserve(ranges.size());
  for (const PortRange& r : ranges)
    parts.push_back(r.first == r.last ? fmt::format("{}", r.first)
                                      : fmt::format("{}-{}", r.first, r.last));
  return join(parts, ", ");
}

std::string offers(const Service& s) {
  std::vector<std::string> parts;
  if (!s.tcp.empty()) parts.push_back("tcp " + ports(s.tcp));
  if (!s.udp.empty()) parts.push_back("udp " + ports(s.udp));
  std::vector<std::string> numbers;
  for (std::size_t n = 0; n < s.protocols.size(); ++n)
    if (s.protocols[n]) numbers.push_back(fmt::format("{}", n));
  if (!numbers.empty()) parts.push_back("protocols " + join(numbers, ", "));
  if (s.echo) parts.emplace_back("echo");
  if (s.is_public) parts.emplace_back("public");
  if (s.forward) parts.emplace_back("admission forward");
  return join(parts, "; ");
}

template <class T>
void each(Page& page, const std::vector<T>& items, std::string_view none) {
  for (const T& i : items) page.plain(to_string(i));
  if (items.empty()) page.plain(none);
}

void network(Page& page, const Policy& p) {
  page.topic("Profile");
  page.plain(p.profile == Policy::Profile::paper ? "paper" : "default");
  page.topic("Mode");
  page.plain(p.mode == Policy::Mode::monitor ? "monitor: judges and counts, and changes no packet"
                                             : "on");
  page.topic("Protected");
  each(page, p.protected_prefixes, "none");
  page.topic("Gateways");
  each(page, p.gateways, "none listed (routers seen in ARP and ND outside count as well)");
  page.topic("Hairpin");
  page.plain(p.hairpin == Policy::Hairpin::pass
                 ? "pass: protected to protected on the outside port, if a gateway's MAC is used"
                 : "drop: protected to protected on the outside port");
  page.topic("Admission");
  page.plain(p.admission == Policy::Admission::handshake
                 ? "handshake: the box answers every SYN, hosts see clients that completed one"
                 : "forward: hosts answer the SYNs that are let through");
  page.topic("Services");
  std::size_t width = 0;
  for (const Service& s : p.services) width = std::max(width, to_string(s.address).size());
  for (const Service& s : p.services)
    page.plain(fmt::format("{:<{}}  {}", to_string(s.address), width, offers(s)));
  if (p.services.empty()) page.plain("none");
}

std::string target(const Allowance::Target& t) {
  std::vector<std::string> parts{t.address ? to_string(*t.address) : "any address"};
  if (!t.tcp.empty()) parts.push_back("tcp " + ports(t.tcp));
  if (!t.udp.empty()) parts.push_back("udp " + ports(t.udp));
  return join(parts, " ");
}

std::string lengths(const std::vector<unsigned>& bits) {
  std::vector<std::string> parts;
  parts.reserve(bits.size());
  for (const unsigned b : bits) parts.push_back(fmt::format("/{}", b));
  return parts.empty() ? "none" : join(parts, ", ");
}

void finding(Page& page, const Policy& p) {
  const Policy::Learn& l = p.learn;
  const bool learns = l.length.count() != 0;
  page.topic("Learn");
  page.row("for", learns ? to_string(l.length) : "never", "hosts are called for guesses");
  page.row("ports", l.ports.empty() ? "none" : ports(l.ports), "TCP");
  page.row("share", fmt::format("{}", l.share), "of networks and destinations are tried");
  page.row("prefixes", fmt::format("{}", l.prefixes), "/24 or /48 that it must have answered");
  page.row("expire", to_string(l.expire), "after it was last seen");
  page.topic("Import");
  for (const Policy::Import& i : p.imports)
    page.plain(fmt::format("{}  every {}, expires {} after the scan",
                           policy_text::printable(i.file, kShownPath), to_string(i.every),
                           to_string(i.expire)));
  if (p.imports.empty()) page.plain("none");
}

void judgement(Page& page, const Policy& p) {
  page.topic("Probability");
  page.row("drop", fmt::format("{}", p.probability.drop), "of all attempts");
  const bool hold = p.probability.retransmission == Policy::Retransmission::hold;
  page.row("retransmission", hold ? "hold" : "admit",
           hold ? "a dropped attempt stays dropped" : "let on when repeated as a real client does");

  const auto& t = p.trust;
  using enum Policy::Evidence;
  const bool weighs = t.evidence == weighted;
  page.topic("Trust");
  page.row("evidence",
           t.evidence == attempt ? "attempt"
           : weighs              ? "weighted"
                                 : "proof",
           t.evidence == attempt ? "one illegitimate attempt distrusts in full"
           : weighs              ? "unproven evidence counts lightly"
                                 : "only a completed handshake counts");
  page.row("light", to_string(t.light),
           weighs ? "first unproven evidence; doubles per repeat" : "used by \"weighted\" alone");
  page.row("distrusted", to_string(t.distrusted), "all attempts diverted");
  for (std::size_t i = 0; i < t.partial.size(); ++i)
    page.row(fmt::format("partial {}", i + 1), to_string(t.partial[i].duration),
             fmt::format("{} of attempts diverted", t.partial[i].divert));
  if (t.partial.empty()) page.row("partial", "none");
  page.row("doublings", std::to_string(t.doublings),
           t.doublings == 0 ? "a repeat starts the levels anew"
                            : fmt::format("proven again before it is neutral: all levels twice as "
                                          "long, up to {} times",
                                          1U << t.doublings));
  page.row("ipv4_prefix", fmt::format("/{}", t.ipv4_prefix), "is one source");
  page.row("ipv6_prefix", fmt::format("/{}", t.ipv6_prefix), "is one source");
  std::string_view name = "never_distrust";
  for (const Prefix& n : t.never_distrust) {
    page.row(name, to_string(n));
    name = "";
  }
  if (t.never_distrust.empty()) page.row(name, "none");
  name = "allow";
  for (const Allowance& a : t.allow) {
    std::vector<std::string> sources;
    for (const Prefix& s : a.sources) sources.push_back(to_string(s));
    std::vector<std::string> targets;
    for (const Allowance::Target& to : a.to) targets.push_back(target(to));
    page.row(name, join(sources, ", ") + (a.to.empty() ? "" : " to " + join(targets, "; ")));
    name = "";
  }
  if (t.allow.empty()) page.row(name, "none");
  const auto& e = t.escalate;
  const auto needed = [&](const std::vector<unsigned>& of) {
    std::vector<std::string> numbers;
    for (std::size_t i = 0; i < of.size(); ++i) numbers.push_back(std::to_string(e.needed(i)));
    return of.empty() ? "" : fmt::format("distrusted by {} proven sources", join(numbers, ", "));
  };
  page.row("escalate ipv6", lengths(e.ipv6), needed(e.ipv6));
  page.row("escalate ipv4", lengths(e.ipv4), needed(e.ipv4));
}

void neighbours(Page& page, const Policy& p) {
  page.topic("Neighbours");
  std::string_view name = "answer_dark";
  for (const Prefix& d : p.neighbours.answer_dark) {
    page.row(name, to_string(d));
    name = "";
  }
  if (p.neighbours.answer_dark.empty()) page.row(name, "none");
  page.row("answer_live", p.neighbours.answer_live ? "yes" : "no", "with the host's own MAC");
  name = "dhcp_ranges";
  for (const AddressRange& r : p.neighbours.dhcp_ranges) {
    page.row(name, to_string(r.first) + "-" + to_string(r.last));
    name = "";
  }
  if (p.neighbours.dhcp_ranges.empty()) page.row(name, "none");
}

std::string quoted(const std::string& text) {
  return fmt::format("\"{}\"", policy_text::printable(text, Voice::kMost));
}

void reply(Page& page, const Policy& p) {
  page.topic("Reply");
  page.row("udp", p.reply.udp == Policy::UdpReply::silent ? "silent" : "unreachable");
  const bool sparse = p.reply.surface == Policy::Surface::sparse;
  page.row("surface", sparse ? "sparse" : "open",
           sparse ? "TCP ports that are neither service nor decoy look closed"
                  : "every TCP port looks open");
  const auto& d = p.reply.decoys;
  page.row("decoys", fmt::format("{}", d.share),
           "of ports " + ports(d.ports) + " and those of services and voices");
  page.row("", fmt::format("{}", d.elsewhere), "of all other ports");
  page.row("", fmt::format("{:.1f}", expected_decoys(p)),
           sparse ? "an address on average" : "an address on average, if it were \"sparse\"");
  std::string_view name = "voices";
  for (const Voice& v : p.reply.voices) {
    std::string words;
    if (!v.greeting.empty()) words += "greets " + quoted(v.greeting);
    if (!v.answer.empty()) words += (words.empty() ? "answers " : ", answers ") + quoted(v.answer);
    page.row(name, "port " + ports(v.ports), words);
    name = "";
  }
  if (p.reply.voices.empty()) page.row(name, "none", "forged conversations are silent");
}

void events(Page& page, const Policy& p) {
  const auto& e = p.events;
  page.topic("Events");
  page.row("file", e.file.empty() ? "none" : policy_text::printable(e.file, kShownPath));
  page.row("socket", e.socket.empty() ? "none" : policy_text::printable(e.socket, kShownPath));
  const EventTypes types = e.types.value_or(kDefaultEvents);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kEvents.size(); ++i)
    if ((types >> i & 1U) != 0) names.emplace_back(kEvents[i].name);
  page.row("types", names.empty() ? "none" : join(names, ", "));
  page.row("rate", fmt::format("{}/s", e.rate), "of each kind, and of drops for each reason");
}

void details(Page& page, const Policy& p) {
  reply(page, p);
  page.topic("Normalise");
  page.row("ecn", p.normalise.ecn == Policy::Ecn::clear ? "clear" : "keep", "of TCP");
  const auto on = [](bool is) { return is ? "on" : "off"; };
  page.row("headers", on(p.normalise.headers), "TTL, IP ID, TOS and flow label of what leaves");
  page.row("options", on(p.normalise.options), "TCP options of SYNs that are forwarded");
  page.row("isn", on(p.normalise.isn), "initial sequence numbers of hosts that open connections");
  page.row("timing", on(p.normalise.timing),
           "calls leave at drawn instants, the box's words a drawn time later");
  page.row("segments", on(p.normalise.segments), "split for hosts with a smaller MSS");
  page.row("sack", on(p.normalise.sack), "made for hosts that have none");
  const auto rate = [](std::uint32_t a) { return a == 0 ? "no limit" : std::to_string(a) + "/s"; };
  page.row("echo_rate", rate(p.normalise.echo_rate), "echo requests of a source");
  page.row("error_rate", rate(p.normalise.error_rate), "ICMP errors between two addresses");
  const auto& t = p.timeouts;
  page.topic("Timeouts");
  page.row("grace", to_string(t.grace), "after start");
  page.row("half_open", to_string(t.half_open), "TCP before the handshake is complete");
  page.row("established", to_string(t.established), "TCP");
  page.row("closing", to_string(t.closing), "TCP after a FIN");
  page.row("time_wait", to_string(t.time_wait), "TCP after both FINs, or a reset");
  page.row("udp", to_string(t.udp), "one direction only");
  page.row("udp_replied", to_string(t.udp_replied), "both directions");
  page.row("other", to_string(t.other), "echo and other protocols");
  events(page, p);
  const auto& n = p.tables;
  page.topic("Tables");
  page.row("connections", fmt::format("{:>10}", n.connections), "IPv4");
  page.row("connections_ipv6", fmt::format("{:>10}", n.of_ipv6()), "IPv6");
  page.row("sources", fmt::format("{:>10}", n.sources));
  page.row("retransmissions", fmt::format("{:>10}", n.retransmissions));
  page.row("conversations", fmt::format("{:>10}", n.conversations));
  page.row("fragments", fmt::format("{:>10}", n.fragments));
  page.row("reply_buffers", fmt::format("{:>10}", n.reply_buffers));
  page.row("persist", fmt::format("{:>10}", n.persist ? "yes" : "no"),
           n.persist ? "connections outlive the process" : "connections end with the process");
  page.topic("State");
  if (p.state.save_every == Seconds(0))
    page.row("save_every", "never", "distrust and keys end with the process");
  else
    page.row("save_every", to_string(p.state.save_every), "distrust; and at stop");
  page.topic("Link");
  page.row("mirror", on(p.link.mirror), "a cut on one side is shown to the other");
  page.topic("HTTP");
  page.row("listen", p.http.listen ? to_string(*p.http.listen) : "nowhere",
           p.http.listen ? "metrics and the live page" : "neither metrics nor a page");
  if (!p.http.names.empty()) page.row("names", join(p.http.names, ", "));
}

}  // namespace

std::string describe(const Policy& policy) {
  Page page;
  network(page, policy);
  finding(page, policy);
  judgement(page, policy);
  neighbours(page, policy);
  details(page, policy);
  return page.take();
}

}  // namespace mitibox
