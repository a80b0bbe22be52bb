// SPDX-License-Identifier: BSD-3-Clause
#include "ruleset/ruleset.hpp"

#include <algorithm>

namespace mitibox {

namespace {

bool covers(const std::vector<PortRange>& ranges, std::uint16_t port) {
  const auto at = std::partition_point(ranges.begin(), ranges.end(),
                                       [&](const PortRange& r) { return r.last < port; });
  return at != ranges.end() && at->first <= port;
}

bool offers_anything(const Service& s) {
  return s.echo || !s.tcp.empty() || !s.udp.empty() || s.protocols.any();
}

}  // namespace

Ruleset::Ruleset(const Policy& policy)
    : handshake_(policy.admission == Policy::Admission::handshake), services_(policy.services) {
  std::sort(services_.begin(), services_.end(),
            [](const Service& a, const Service& b) { return a.address < b.address; });
  for (const Service& s : services_) {
    protocols_ |= s.protocols;
    const std::size_t slot = slot_of(s.address);
    filter_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  }
}

const Service* Ruleset::search(const Address& address) const {
  const auto at = std::partition_point(services_.begin(), services_.end(),
                                       [&](const Service& s) { return s.address < address; });
  return at == services_.end() || at->address != address ? nullptr : &*at;
}

bool Ruleset::search_forward(const Address& address) const {
  const Service* const s = search(address);
  return s != nullptr && s->forward;
}

Ruleset::Ruling Ruleset::search(const Destination& destination) const {
  const Service* const at = search(destination.address);
  if (at == nullptr) return {Match::illegitimate, !handshake_};
  return {match_of(*at, destination), !handshake_ || at->forward};
}

Ruleset::Match Ruleset::match_of(const Service& service, const Destination& destination) {
  const Match found = service.is_public ? Match::open : Match::legitimate;
  const std::uint8_t echo = destination.address.is_v4() ? protocol::kIcmp : protocol::kIcmpv6;
  if (destination.protocol == echo) {
    if (service.echo) return found;
    return offers_anything(service) ? Match::tolerated : Match::illegitimate;
  }
  const auto when = [&](bool listed) { return listed ? found : Match::illegitimate; };
  switch (destination.protocol) {
    case protocol::kTcp:
      return when(covers(service.tcp, destination.port));
    case protocol::kUdp:
      return when(covers(service.udp, destination.port));
    default:
      return when(service.protocols[destination.protocol]);
  }
}

}  // namespace mitibox
