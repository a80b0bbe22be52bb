// SPDX-License-Identifier: BSD-3-Clause
#include "policy/sections.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "observe/event.hpp"
#include "packet/wire.hpp"
#include "policy/finding.hpp"
#include "policy/mercy.hpp"
#include "policy/voices.hpp"

namespace mitibox {

namespace {

constexpr std::size_t kMaxPartialLevels = 15;
constexpr std::size_t kMaxHttpNames = 16;

template <class T>
using Word = Value::Word<T>;

std::uint8_t ip_protocol(const Value& v) {
  const auto number = static_cast<std::uint8_t>(v.integer(0, 255));
  switch (number) {
    case protocol::kIcmp:
    case protocol::kIcmpv6:
      v.refuse("another protocol; for echo write \"echo\": true");
    case protocol::kTcp:
      v.refuse("another protocol; TCP ports belong to the key \"tcp\"");
    case protocol::kUdp:
      v.refuse("another protocol; UDP ports belong to the key \"udp\"");
    case protocol::kHopByHop:
    case protocol::kIpv6Routing:
    case protocol::kIpv6Fragment:
    case protocol::kNoNextHeader:
    case protocol::kDestinationOptions:
      v.refuse("a protocol; this number is an IPv6 extension header");
    default:
      return number;
  }
}

Policy::Admission admission(const Value& v) {
  using enum Policy::Admission;
  return v.choice<Policy::Admission>({{"forward", forward}, {"handshake", handshake}});
}

constexpr Key<Service> kServiceKeys[] = {
    {"address", [](const Value& v, Service& s) { s.address = v.address(); }},
    {"tcp", [](const Value& v, Service& s) { s.tcp = v.port_list(); }},
    {"udp", [](const Value& v, Service& s) { s.udp = v.port_list(); }},
    {"protocols",
     [](const Value& v, Service& s) {
       for (const Value& p : v.elements("protocol numbers", kMaxList))
         s.protocols.set(ip_protocol(p));
     }},
    {"echo", [](const Value& v, Service& s) { s.echo = v.boolean(); }},
    {"public", [](const Value& v, Service& s) { s.is_public = v.boolean(); }},
    {"admission",
     [](const Value& v, Service& s) { s.forward = admission(v) == Policy::Admission::forward; }},
};

constexpr Key<PartialLevel> kPartialKeys[] = {
    {"divert", [](const Value& v, PartialLevel& l) { l.divert = v.share(); }},
    {"for", [](const Value& v, PartialLevel& l) { l.duration = v.duration(); }},
};

void require(const Value& object, std::string_view key, std::string_view expected) {
  if (!object.json().contains(key)) throw_policy_error(object.place_of(key), "nothing", expected);
}

void read_services(const Value& list, Policy& p) {
  for (const Value& v : list.elements("services", kMaxList)) {
    Service s;
    read_object(v, s, kServiceKeys);
    require(v, "address", "the address of the service");
    p.services.push_back(std::move(s));
  }
}

void read_partial(const Value& list, Policy& p) {
  p.trust.partial.clear();
  for (const Value& v : list.elements("levels", kMaxPartialLevels)) {
    PartialLevel level;
    read_object(v, level, kPartialKeys);
    require(v, "divert", "the share of attempts to divert, 0 to 1");
    require(v, "for", "how long the level lasts, such as \"10m\"");
    p.trust.partial.push_back(level);
  }
}

constexpr Key<Policy> kProbabilityKeys[] = {
    {"drop", [](const Value& v, Policy& p) { p.probability.drop = v.share(); }},
    {"retransmission",
     [](const Value& v, Policy& p) {
       using enum Policy::Retransmission;
       p.probability.retransmission =
           v.choice<Policy::Retransmission>({{"hold", hold}, {"admit", admit}});
     }},
};

constexpr Key<Policy> kTrustKeys[] = {
    {"distrusted", [](const Value& v, Policy& p) { p.trust.distrusted = v.duration(); }},
    {"evidence",
     [](const Value& v, Policy& p) {
       using enum Policy::Evidence;
       p.trust.evidence = v.choice<Policy::Evidence>(
           {{"attempt", attempt}, {"weighted", weighted}, {"proof", proof}});
     }},
    {"partial", read_partial,
     [](const std::string& prefix, std::vector<std::string>& keys) {
       list_keys(kPartialKeys, prefix + "/*", keys);
     }},
    {"ipv4_prefix", [](const Value& v, Policy& p) { p.trust.ipv4_prefix = v.integer(8, 32); }},
    {"ipv6_prefix", [](const Value& v, Policy& p) { p.trust.ipv6_prefix = v.integer(16, 128); }},
    {"never_distrust", [](const Value& v, Policy& p) { p.trust.never_distrust = v.prefix_list(); }},
    {"allow", read_allow, list_allow_keys},
    {"escalate", read_escalate, list_escalate_keys},
    {"light", [](const Value& v, Policy& p) { p.trust.light = v.duration(); }},
    {"doublings", [](const Value& v, Policy& p) { p.trust.doublings = v.integer(0, 6); }},
};

constexpr Key<Policy> kNeighboursKeys[] = {
    {"answer_dark", [](const Value& v, Policy& p) { p.neighbours.answer_dark = v.prefix_list(); }},
    {"answer_live", [](const Value& v, Policy& p) { p.neighbours.answer_live = v.boolean(); }},
    {"dhcp_ranges",
     [](const Value& v, Policy& p) {
       for (const Value& r : v.elements("address ranges", kMaxList))
         p.neighbours.dhcp_ranges.push_back(r.address_range());
     }},
};

/// An object of its own within the policy.
template <const auto& keys>
constexpr Key<Policy> section(std::string_view name) {
  return {name, [](const Value& v, Policy& p) { read_object(v, p, keys); },
          [](const std::string& prefix, std::vector<std::string>& out) {
            list_keys(keys, prefix, out);
          }};
}

constexpr Key<Policy> kDecoysKeys[] = {
    {"ports", [](const Value& v, Policy& p) { p.reply.decoys.ports = v.port_list(); }},
    {"share", [](const Value& v, Policy& p) { p.reply.decoys.share = v.share(); }},
    {"elsewhere", [](const Value& v, Policy& p) { p.reply.decoys.elsewhere = v.share(); }},
};

constexpr Key<Policy> kReplyKeys[] = {
    {"udp",
     [](const Value& v, Policy& p) {
       using enum Policy::UdpReply;
       p.reply.udp = v.choice<Policy::UdpReply>({{"silent", silent}, {"unreachable", unreachable}});
     }},
    {"surface",
     [](const Value& v, Policy& p) {
       using enum Policy::Surface;
       p.reply.surface = v.choice<Policy::Surface>({{"open", open}, {"sparse", sparse}});
     }},
    section<kDecoysKeys>("decoys"),
    {"voices", read_voices, list_voice_keys},
};

constexpr Key<Policy> kNormaliseKeys[] = {
    {"ecn",
     [](const Value& v, Policy& p) {
       using enum Policy::Ecn;
       p.normalise.ecn = v.choice<Policy::Ecn>({{"clear", clear}, {"keep", keep}});
     }},
    {"headers", [](const Value& v, Policy& p) { p.normalise.headers = v.boolean(); }},
    {"options", [](const Value& v, Policy& p) { p.normalise.options = v.boolean(); }},
    {"isn", [](const Value& v, Policy& p) { p.normalise.isn = v.boolean(); }},
    {"timing", [](const Value& v, Policy& p) { p.normalise.timing = v.boolean(); }},
    {"segments", [](const Value& v, Policy& p) { p.normalise.segments = v.boolean(); }},
    {"sack", [](const Value& v, Policy& p) { p.normalise.sack = v.boolean(); }},
    {"echo_rate",
     [](const Value& v, Policy& p) { p.normalise.echo_rate = v.integer(0, 1'000'000); }},
    {"error_rate",
     [](const Value& v, Policy& p) { p.normalise.error_rate = v.integer(0, 1'000'000); }},
};

constexpr Key<Policy> kTimeoutsKeys[] = {
    {"grace", [](const Value& v, Policy& p) { p.timeouts.grace = v.duration(Seconds(0)); }},
    {"half_open", [](const Value& v, Policy& p) { p.timeouts.half_open = v.duration(); }},
    {"established", [](const Value& v, Policy& p) { p.timeouts.established = v.duration(); }},
    {"closing", [](const Value& v, Policy& p) { p.timeouts.closing = v.duration(); }},
    {"time_wait", [](const Value& v, Policy& p) { p.timeouts.time_wait = v.duration(); }},
    {"udp", [](const Value& v, Policy& p) { p.timeouts.udp = v.duration(); }},
    {"udp_replied", [](const Value& v, Policy& p) { p.timeouts.udp_replied = v.duration(); }},
    {"other", [](const Value& v, Policy& p) { p.timeouts.other = v.duration(); }},
};

std::uint32_t event_types(const Value& list) {
  std::uint32_t types = 0;
  for (const Value& v : list.elements("kinds of events", kEvents.size())) {
    const std::string& name = v.text("the name of a kind of event");
    const auto* const row = std::find_if(kEvents.begin(), kEvents.end(),
                                         [&](const EventRow& r) { return r.name == name; });
    if (row == kEvents.end()) v.refuse("the name of a kind of event (docs/events.md)");
    types |= std::uint32_t{1} << static_cast<unsigned>(row - kEvents.begin());
  }
  return types;
}

constexpr std::size_t kMaxSocketPath = 107;  // sockaddr_un

constexpr Key<Policy> kEventsKeys[] = {
    {"file", [](const Value& v, Policy& p) { p.events.file = v.path(); }},
    {"socket", [](const Value& v, Policy& p) { p.events.socket = v.path(kMaxSocketPath); }},
    {"types", [](const Value& v, Policy& p) { p.events.types = event_types(v); }},
    {"rate", [](const Value& v, Policy& p) { p.events.rate = v.integer(1, 1'000'000); }},
};

// The upper ends keep a table under some 16 GB; the lower ends keep one entry an lcore.
constexpr Key<Policy> kTablesKeys[] = {
    {"connections",
     [](const Value& v, Policy& p) { p.tables.connections = v.integer(64, 1U << 26U); }},
    {"connections_ipv6",
     [](const Value& v, Policy& p) { p.tables.connections_ipv6 = v.integer(64, 1U << 26U); }},
    {"sources", [](const Value& v, Policy& p) { p.tables.sources = v.integer(64, 1U << 26U); }},
    {"retransmissions",
     [](const Value& v, Policy& p) { p.tables.retransmissions = v.integer(64, 1U << 28U); }},
    {"conversations",
     [](const Value& v, Policy& p) { p.tables.conversations = v.integer(64, 1U << 24U); }},
    {"fragments", [](const Value& v, Policy& p) { p.tables.fragments = v.integer(64, 1U << 20U); }},
    {"reply_buffers",
     [](const Value& v, Policy& p) { p.tables.reply_buffers = v.integer(512, 1U << 20U); }},
    {"persist", [](const Value& v, Policy& p) { p.tables.persist = v.boolean(); }},
};

constexpr Key<Policy> kStateKeys[] = {
    {"save_every", [](const Value& v, Policy& p) { p.state.save_every = v.duration(Seconds(0)); }},
};

constexpr Key<Policy> kLinkKeys[] = {
    {"mirror", [](const Value& v, Policy& p) { p.link.mirror = v.boolean(); }},
};

constexpr Key<Policy> kHttpKeys[] = {
    {"listen", [](const Value& v, Policy& p) { p.http.listen = v.socket_address(); }},
    {"names",
     [](const Value& v, Policy& p) {
       for (const Value& n : v.elements("host names", kMaxHttpNames))
         p.http.names.push_back(n.host_name());
     }},
};

constexpr Key<Policy> kPolicyKeys[] = {
    {"profile", [](const Value&, Policy&) {}},  // read before all others
    {"mode",
     [](const Value& v, Policy& p) {
       using enum Policy::Mode;
       p.mode = v.choice<Policy::Mode>({{"on", on}, {"monitor", monitor}});
     }},
    {"protected", [](const Value& v, Policy& p) { p.protected_prefixes = v.prefix_list(); }},
    {"gateways",
     [](const Value& v, Policy& p) {
       for (const Value& a : v.elements("addresses", kMaxList)) p.gateways.push_back(a.address());
     }},
    {"hairpin",
     [](const Value& v, Policy& p) {
       using enum Policy::Hairpin;
       p.hairpin = v.choice<Policy::Hairpin>({{"drop", drop}, {"pass", pass}});
     }},
    {"admission", [](const Value& v, Policy& p) { p.admission = admission(v); }},
    {"services", read_services,
     [](const std::string& prefix, std::vector<std::string>& keys) {
       list_keys(kServiceKeys, prefix + "/*", keys);
     }},
    {"learn", read_learn, list_learn_keys},
    {"import", read_imports, list_import_keys},
    section<kProbabilityKeys>("probability"),
    section<kTrustKeys>("trust"),
    section<kNeighboursKeys>("neighbours"),
    section<kReplyKeys>("reply"),
    section<kNormaliseKeys>("normalise"),
    section<kTimeoutsKeys>("timeouts"),
    section<kEventsKeys>("events"),
    section<kTablesKeys>("tables"),
    section<kStateKeys>("state"),
    section<kLinkKeys>("link"),
    section<kHttpKeys>("http"),
};

Policy defaults(Policy::Profile profile) {
  Policy p;
  p.profile = profile;
  // The paper, figure 1.
  p.trust.partial = {{0.75, Seconds(600)}, {0.5, Seconds(600)}, {0.25, Seconds(600)}};
  if (profile == Policy::Profile::paper) {
    p.probability.retransmission = Policy::Retransmission::hold;  // 3.3, step 2
    p.trust.evidence = Policy::Evidence::attempt;                 // 3.3, step 4
    p.admission = Policy::Admission::forward;                     // 3.3, step 6
    p.trust.escalate.ipv6.clear();
    p.trust.doublings = 0;
    p.normalise.options = p.normalise.isn = false;
  }
  return p;
}

}  // namespace

Policy read_policy(const Value& document) {
  using enum Policy::Profile;
  if (!document.json().is_object()) document.refuse("an object with at least \"protected\"");
  Policy::Profile profile = standard;
  if (document.json().contains("profile"))
    profile = document.member("profile").choice<Policy::Profile>(
        {{"default", standard}, {"paper", paper}});
  Policy p = defaults(profile);
  read_object(document, p, kPolicyKeys);
  // Where hosts see SYNs there is no proof of what a SYN scan does.
  const bool said =
      document.json().contains("trust") && document.member("trust").json().contains("evidence");
  if (!said && profile == standard && p.admission == Policy::Admission::forward)
    p.trust.evidence = Policy::Evidence::weighted;
  require(document, "protected", "a list of the prefixes to protect");
  return p;
}

std::vector<std::string> policy_keys() {
  std::vector<std::string> out;
  list_keys(kPolicyKeys, "", out);
  return out;
}

}  // namespace mitibox
