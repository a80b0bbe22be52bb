// SPDX-License-Identifier: BSD-3-Clause
#include "trust/allowlist.hpp"

#include <algorithm>
#include <bit>

namespace mitibox {

namespace {

bool covers(const std::vector<PortRange>& ranges, std::uint16_t port) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [port](const PortRange& r) { return r.first <= port && port <= r.last; });
}

bool meets(const Allowance::Target& target, const Destination& d) {
  if (target.address && !target.address->contains(d.address)) return false;
  if (target.tcp.empty() && target.udp.empty()) return true;
  if (d.protocol == protocol::kTcp) return covers(target.tcp, d.port);
  return d.protocol == protocol::kUdp && covers(target.udp, d.port);
}

}  // namespace

Allowlist::Allowlist(const Policy& policy) {
  std::vector<Prefix> everywhere = policy.trust.never_distrust;
  std::vector<Prefix> named = everywhere;
  for (const Allowance& a : policy.trust.allow) {
    named.insert(named.end(), a.sources.begin(), a.sources.end());
    if (a.to.empty())
      everywhere.insert(everywhere.end(), a.sources.begin(), a.sources.end());
    else
      rules_.push_back({PrefixSet(a.sources), a.to});
  }
  named_ = PrefixSet(named);
  everywhere_ = PrefixSet(everywhere);
}

bool Allowlist::somewhere(const Address& source, const Destination& destination) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& r) {
    return r.sources.contains(source) &&
           std::any_of(r.to.begin(), r.to.end(),
                       [&](const Allowance::Target& t) { return meets(t, destination); });
  });
}

std::uint32_t AllowedTally::note(const Address& source, bool proven, Time now) {
  AllowedSource* fewest = &sources_[0];
  AllowedSource* known = nullptr;
  for (AllowedSource& s : sources_) {
    // Else what was much a month ago would keep its place for ever.
    if (s.attempts != 0 && now - s.last >= Schedule::kRepeat) s = {};
    if (s.attempts != 0 && s.source == source) known = &s;
    if (s.attempts < fewest->attempts) fewest = &s;
  }
  if (known == nullptr) {
    known = fewest;
    known->source = source;
    known->proven = 0;
    known->first = now;
  }
  known->last = now;
  if (known->attempts == UINT32_MAX) return 0;
  if (proven) ++known->proven;
  const std::uint32_t n = ++known->attempts;
  return n % kMany == 0 && std::has_single_bit(n / kMany) ? n : 0;
}

}  // namespace mitibox
