// SPDX-License-Identifier: BSD-3-Clause
#include "policy/mercy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace mitibox {

namespace {

using Escalate = Policy::Escalate;

std::vector<unsigned> lengths(const Value& list, unsigned least, unsigned most) {
  std::vector<unsigned> out;
  for (const Value& v : list.elements("prefix lengths", Escalate::kLengths))
    out.push_back(v.integer(least, most));
  return out;
}

constexpr Key<Allowance::Target> kTargetKeys[] = {
    {"address", [](const Value& v, Allowance::Target& t) { t.address = v.prefix(); }},
    {"tcp", [](const Value& v, Allowance::Target& t) { t.tcp = v.port_list(); }},
    {"udp", [](const Value& v, Allowance::Target& t) { t.udp = v.port_list(); }},
};

constexpr Key<Allowance> kAllowKeys[] = {
    {"sources", [](const Value& v, Allowance& a) { a.sources = v.prefix_list(); }},
    {"to",
     [](const Value& list, Allowance& a) {
       for (const Value& v : list.elements("destinations", kMaxList))
         read_object(v, a.to.emplace_back(), kTargetKeys);
     },
     [](const std::string& prefix, std::vector<std::string>& keys) {
       list_keys(kTargetKeys, prefix + "/*", keys);
     }},
};

constexpr Key<Escalate> kEscalateKeys[] = {
    {"ipv4", [](const Value& v, Escalate& e) { e.ipv4 = lengths(v, 8, 31); }},
    {"ipv6", [](const Value& v, Escalate& e) { e.ipv6 = lengths(v, 16, 127); }},
    {"count",
     [](const Value& v, Escalate& e) { e.count = v.integer(Escalate::kFewest, Escalate::kMost); }},
};

void check_target(const Allowance::Target& target, const Value& said, const Policy& p) {
  if (!target.address) {
    if (target.tcp.empty() && target.udp.empty())
      said.refuse("a destination that names nothing",
                  "something in \"address\", \"tcp\" or \"udp\"; to allow everything leave out "
                  "\"to\"");
    return;
  }
  const Prefix& a = *target.address;
  if (std::none_of(p.protected_prefixes.begin(), p.protected_prefixes.end(),
                   [&](const Prefix& x) { return x.bits <= a.bits && x.contains(a.address); }))
    said.member("address").refuse("a prefix within \"protected\"");
}

/// `source`: bits of one. Values have been read: they are whole numbers.
void check_lengths(const Value& list, const std::vector<unsigned>& bits, unsigned source) {
  const auto values = list.elements("prefix lengths", Escalate::kLengths);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const unsigned before = i == 0 ? source : bits[i - 1];
    if (bits[i] >= before)
      values[i].refuse(fmt::format("less than {}, {}", before,
                                   i == 0 ? "the length of a source" : "the one before it"));
  }
}

}  // namespace

void read_allow(const Value& list, Policy& p) {
  for (const Value& v : list.elements("allowances", kMaxList)) {
    read_object(v, p.trust.allow.emplace_back(), kAllowKeys);
    if (!v.json().contains("sources"))
      throw_policy_error(v.place_of("sources"), "nothing", "the prefixes that are allowed");
  }
}

void list_allow_keys(const std::string& prefix, std::vector<std::string>& keys) {
  list_keys(kAllowKeys, prefix + "/*", keys);
}

void read_escalate(const Value& object, Policy& p) {
  read_object(object, p.trust.escalate, kEscalateKeys);
}

void list_escalate_keys(const std::string& prefix, std::vector<std::string>& keys) {
  list_keys(kEscalateKeys, prefix, keys);
}

void check_allow(const Policy& p, const Value& document) {
  if (p.trust.allow.empty()) return;
  const auto allowances = document.member("trust").member("allow").elements("", kMaxList);
  for (std::size_t i = 0; i < allowances.size(); ++i) {
    const Allowance& a = p.trust.allow[i];
    const Value sources = allowances[i].member("sources");
    if (a.sources.empty()) sources.refuse("at least one prefix");
    const auto values = sources.elements("", kMaxList);
    std::map<std::string, std::string> seen;
    for (std::size_t s = 0; s < values.size(); ++s) {
      const auto [known, added] = seen.emplace(to_string(a.sources[s]), values[s].pointer());
      if (!added)
        values[s].refuse(fmt::format("each only once; it stands at {} already", known->second));
    }
    if (a.to.empty()) continue;
    const auto targets = allowances[i].member("to").elements("", kMaxList);
    for (std::size_t t = 0; t < targets.size(); ++t) check_target(a.to[t], targets[t], p);
  }
}

void check_escalate(Policy& p, const Value& document) {
  Escalate& e = p.trust.escalate;
  const bool said =
      document.json().contains("trust") && document.member("trust").json().contains("escalate");
  const auto check = [&](std::string_view key, const std::vector<unsigned>& bits, unsigned source) {
    if (!said) return false;
    const Value escalate = document.member("trust").member("escalate");
    if (!escalate.json().contains(key)) return false;
    check_lengths(escalate.member(key), bits, source);
    return true;
  };
  check("ipv4", e.ipv4, p.trust.ipv4_prefix);
  if (!check("ipv6", e.ipv6, p.trust.ipv6_prefix))
    std::erase_if(e.ipv6, [&](unsigned bits) { return bits >= p.trust.ipv6_prefix; });
}

}  // namespace mitibox
