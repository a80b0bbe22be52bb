// SPDX-License-Identifier: BSD-3-Clause
#include "ruleset/ruleset.hpp"

#include <algorithm>
#include <tuple>

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

auto order(const Destination& d) {
  return std::tie(d.address, d.protocol, d.port);
}
bool before(const Destination& a, const Destination& b) {
  return order(a) < order(b);
}

}  // namespace

Ruleset::Ruleset(const Policy& policy, std::span<const Destination> found)
    : handshake_(policy.admission == Policy::Admission::handshake),
      services_(policy.services),
      found_(found.begin(), found.end()) {
  std::sort(services_.begin(), services_.end(),
            [](const Service& a, const Service& b) { return a.address < b.address; });
  for (const Service& s : services_) {
    protocols_ |= s.protocols;
    echo_ |= s.echo;
    mark(s.address);
  }
  std::erase_if(found_, [&](const Destination& d) {
    const Service* const s = search(d.address);
    return s != nullptr && match_of(*s, d) != Match::illegitimate;
  });
  std::sort(found_.begin(), found_.end(), before);
  found_.erase(std::unique(found_.begin(), found_.end(),
                           [](const auto& a, const auto& b) { return order(a) == order(b); }),
               found_.end());
  for (const Destination& d : found_) mark(d.address);
}

const Service* Ruleset::search(const Address& address) const {
  const auto at = std::partition_point(services_.begin(), services_.end(),
                                       [&](const Service& s) { return s.address < address; });
  return at == services_.end() || at->address != address ? nullptr : &*at;
}

const Destination* Ruleset::search_found(const Destination& d) const {
  const auto at = std::lower_bound(found_.begin(), found_.end(), d, before);
  return at == found_.end() || order(*at) != order(d) ? nullptr : &*at;
}

bool Ruleset::any_found(const Address& address) const {
  const auto at =
      std::lower_bound(found_.begin(), found_.end(), Destination{address, 0, 0}, before);
  return at != found_.end() && at->address == address;
}

bool Ruleset::search_forward(const Address& address) const {
  const Service* const s = search(address);
  return s != nullptr && s->forward;
}

Ruleset::Ruling Ruleset::search(const Destination& destination) const {
  const bool echo =
      destination.protocol == (destination.address.is_v4() ? protocol::kIcmp : protocol::kIcmpv6);
  // Where the box answers all echo, what is live takes no longer to find than what is dark. One
  // in thousands of dark addresses falls into a service's slot and is tolerated with it.
  if (echo && !echo_) return {Match::tolerated, !handshake_};
  const Service* const at = search(destination.address);
  const bool forwards = !handshake_ || (at != nullptr && at->forward);
  Match match = at == nullptr ? Match::illegitimate : match_of(*at, destination);
  if (match == Match::illegitimate && !found_.empty()) {
    if (search_found(destination) != nullptr)
      match = Match::legitimate;
    else if (echo && any_found(destination.address))
      match = Match::tolerated;
  }
  return {match, forwards};
}

std::optional<std::uint32_t> Ruleset::row_of(const Destination& destination) const {
  if (!may_serve(destination.address)) return std::nullopt;
  const Service* const at = search(destination.address);
  if (at != nullptr && match_of(*at, destination) >= Match::legitimate)
    return static_cast<std::uint32_t>(at - services_.data());
  const Destination* const found = search_found(destination);
  if (found == nullptr) return std::nullopt;
  return static_cast<std::uint32_t>(services_.size() +
                                    static_cast<std::size_t>(found - found_.data()));
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
