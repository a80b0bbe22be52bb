// SPDX-License-Identifier: BSD-3-Clause
#include "policy/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "policy/finding.hpp"
#include "policy/mercy.hpp"
#include "policy/text.hpp"
#include "policy/voices.hpp"

namespace mitibox {

namespace {

/// The value at a path of keys that the document has.
Value at(const Value& document, std::initializer_list<std::string_view> path) {
  Value v = document;
  for (const std::string_view key : path) v = v.member(key);
  return v;
}

std::vector<Value> list(const Value& document, std::initializer_list<std::string_view> path) {
  return at(document, path).elements("values", SIZE_MAX);
}

/// Finds what stands in a list twice.
class Once {
 public:
  void add(const Value& v, const std::string& text) {
    const auto [known, added] = seen_.emplace(text, v.pointer());
    if (!added) v.refuse(fmt::format("each only once; it stands at {} already", known->second));
  }

 private:
  std::map<std::string, std::string> seen_;
};

template <class T>
void check_once(const std::vector<Value>& values, const std::vector<T>& items) {
  Once once;
  for (std::size_t i = 0; i < items.size(); ++i) once.add(values[i], to_string(items[i]));
}

void check_protected(const Policy& p, const Value& document) {
  const auto values = list(document, {"protected"});
  if (values.empty()) at(document, {"protected"}).refuse("at least one prefix");
  check_once(values, p.protected_prefixes);
}

void check_gateways(const Policy& p, const Value& document) {
  if (p.gateways.empty()) return;
  const auto values = list(document, {"gateways"});
  const PrefixSet inside(p.protected_prefixes);
  for (std::size_t i = 0; i < p.gateways.size(); ++i)
    if (!inside.contains(p.gateways[i]))
      values[i].refuse("an address within \"protected\" (other routers need not be listed)");
  check_once(values, p.gateways);
}

void check_services(const Policy& p, const Value& document) {
  if (p.services.empty()) return;
  const auto values = list(document, {"services"});
  const PrefixSet inside(p.protected_prefixes);
  std::map<Address, std::size_t> gateways;
  for (std::size_t i = 0; i < p.gateways.size(); ++i) gateways.emplace(p.gateways[i], i);
  Once once;
  for (std::size_t i = 0; i < p.services.size(); ++i) {
    const Service& s = p.services[i];
    const Value address = values[i].member("address");
    if (!inside.contains(s.address)) address.refuse("an address within \"protected\"");
    if (const auto g = gateways.find(s.address); g != gateways.end())
      address.refuse(fmt::format("an address that is not a gateway's (/gateways/{})", g->second));
    once.add(address, to_string(s.address));
    if (!s.tcp.empty() || !s.udp.empty() || s.protocols.any() || s.echo) continue;
    values[i].refuse(
        s.is_public ? "a public service that offers nothing" : "a service that offers nothing",
        "something in \"tcp\", \"udp\" or \"protocols\", or \"echo\": true");
  }
}

void check_trust(Policy& p, const Value& document) {
  const bool said = document.json().contains("trust");
  if (said && at(document, {"trust"}).json().contains("light")) {
    if (p.trust.light > p.trust.distrusted)
      at(document, {"trust", "light"})
          .refuse(fmt::format("at most trust.distrusted, {}",
                              policy_text::to_string(p.trust.distrusted)));
  } else {
    p.trust.light = std::min(p.trust.light, p.trust.distrusted);
  }
  check_escalate(p, document);
  if (!said) return;
  check_allow(p, document);
  if (!p.trust.never_distrust.empty())
    check_once(list(document, {"trust", "never_distrust"}), p.trust.never_distrust);
  if (!at(document, {"trust"}).json().contains("partial")) return;
  double before = 1;
  const auto levels = list(document, {"trust", "partial"});
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (!(p.trust.partial[i].divert < before))
      levels[i].member("divert").refuse(fmt::format("less than {}, the share of the level before{}",
                                                    before, i == 0 ? " (distrusted)" : ""));
    before = p.trust.partial[i].divert;
  }
}

Address next(Address a) {
  for (std::size_t i = 16; i-- > 0;)
    if (++a.bytes[i] != 0) break;
  return a;
}

void check_neighbours(const Policy& p, const Value& document) {
  const auto& dark = p.neighbours.answer_dark;
  if (dark.empty()) return;
  const auto values = list(document, {"neighbours", "answer_dark"});
  const PrefixSet inside(p.protected_prefixes);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < dark.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j)
      if (dark[j].contains(dark[i].first()) || dark[i].contains(dark[j].first()))
        values[i].refuse(fmt::format("no overlap with {}", values[j].pointer()));
    const unsigned host_bits = (dark[i].address.is_v4() ? 32 : 128) - dark[i].bits;
    total += std::uint64_t{1} << std::min(host_bits, 32U);
    if (total > kMaxDarkAddresses)
      values[i].refuse(
          fmt::format("at most {} addresses in all; route the prefix to the box's "
                      "protected side instead of answering for each address",
                      kMaxDarkAddresses));
    for (Address a = dark[i].first();; a = next(a)) {
      if (!inside.contains(a)) values[i].refuse("a prefix within \"protected\"");
      if (a == dark[i].last()) break;
    }
  }
}

}  // namespace

void validate(Policy& policy, const Value& document) {
  check_protected(policy, document);
  check_gateways(policy, document);
  check_services(policy, document);
  check_trust(policy, document);
  check_neighbours(policy, document);
  check_voices(policy, document);
  check_finding(policy, document);
}

}  // namespace mitibox
