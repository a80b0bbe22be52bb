// SPDX-License-Identifier: BSD-3-Clause
// Who lives inside and who outside, as Neighbours sees it.
#include "port/neighbours.hpp"
#include "port/neighbours_times.hpp"

namespace mitibox {

void Neighbours::seen_inside(const Packet& packet, Now now, Output& out) {
  if (packet.family == Family::none) return;
  const Address source = packet.source();
  const Mac& mac = packet.ether().source;
  // Most packets say what the last one said.
  if (const Host* host = hosts_.find(source);
      host != nullptr && host->mac == mac && elapsed(now.tick, host->seen) < kFresh)
    return;
  host_seen({source, mac, tags_of(packet), false, now.tick, {}}, now, out);
}

void Neighbours::seen_outside(const Packet& packet, const Address& address, const Mac& mac,
                              Now now) {
  if (!protected_.contains(address) || !claimed_outside(address, mac, now)) return;
  if (gateways_.learn(address, now.tick)) tell(Fact::about(Fact::Kind::gateway, address, now.tick));
  if (gateways_.contains(address)) learn_gateway_mac(packet.ether().source);
}

bool Neighbours::claimed_outside(const Address& address, const Mac& mac, Now now) {
  // A frame of a host inside that some loop brought back must not move the host outside.
  if (const Host* host = hosts_.find(address);
      host != nullptr && host->mac == mac && elapsed(now.tick, host->seen) < kSilence)
    return false;
  if (move_outside(address, now.tick)) tell(Fact::about(Fact::Kind::outside, address, now.tick));
  return true;
}

bool Neighbours::move_outside(const Address& address, Tick seen) {
  bool changes = hosts_.find(address) != nullptr;
  hosts_.erase(address);
  if (Listed* l = listed(address); l != nullptr) {
    changes = changes || l->state != Listed::State::outside;
    l->state = Listed::State::outside;
    l->probing = false;
    l->seen = seen;
  }
  return changes;
}

void Neighbours::host_seen(const Sighting& sighting, Now now, Output& out) {
  const Host* before = hosts_.find(sighting.address);
  const bool news = before == nullptr || !is_live(sighting.address, now) ||
                    (sighting.neighbour && before->mac != sighting.mac);
  Host* host = accept(sighting, now);
  if (host == nullptr) return;
  if (news || host->since_told(now.tick) >= kRepeat) tell_host(*host, sighting);
  if (!role_.speaks || host->listed < 0) return;
  Listed& l = listed_[static_cast<std::size_t>(host->listed)];
  if (l.cached && !l.announced) announce(l, now, out);
}

Host* Neighbours::accept(const Sighting& sighting, Now now) {
  if (!usable(sighting.mac) || !protected_.contains(sighting.address)) return nullptr;
  // Who moved from outside to inside says so by ARP or ND, after silence outside.
  if (gateways_.contains(sighting.address) &&
      !(sighting.neighbour && gateways_.forget(sighting.address, now.tick, kSilence)))
    return nullptr;
  const std::int16_t i = find_listed(listed_, sighting.address);
  Listed* l = i < 0 ? nullptr : &listed_[static_cast<std::size_t>(i)];
  if (l != nullptr && l->state == Listed::State::outside &&
      !(sighting.neighbour && elapsed(now.tick, l->seen) >= kSilence))
    return nullptr;

  Host* host = hosts_.find(sighting.address);
  if (host == nullptr)
    host = &hosts_.insert(sighting.address, now.tick);
  else if (!reached(sighting.seen, host->seen))
    return host;
  host->mac = sighting.mac;
  host->seen = sighting.seen;
  host->listed = i;
  if (l == nullptr) return host;
  if (l->state != Listed::State::live) {
    l->announced = l->resolved = l->described = l->doubted = l->router = l->probing = false;
    l->lives = sighting.seen;
  }
  l->state = Listed::State::live;
  l->mac = sighting.mac;
  l->seen = sighting.seen;
  if (sighting.neighbour || !l->resolved) l->tags = sighting.tags;
  resolve(*l, sighting);
  // Who looks for the host's MAC has not found it in a packet from another.
  if (!answer_live_ || l->settled()) l->probing = false;
  return host;
}

void Neighbours::resolve(Listed& l, const Sighting& sighting) {
  if (!sighting.neighbour) {
    if (!l.resolved) return;
    l.doubted = sighting.mac != l.link;
    if (!l.doubted) l.confirmed = sighting.seen;
    return;
  }
  if (l.resolved && l.link != sighting.mac) {
    l.cached = true;
    l.announced = false;
  }
  l.resolved = true;
  l.doubted = false;
  // A solicitation does not say what it is (RFC 4861 4.4: advertisements of routers do).
  l.described = l.described || l.address.is_v4() || sighting.router;
  l.router = sighting.router.value_or(l.router);
  l.link = sighting.mac;
  l.confirmed = sighting.seen;
}

void Neighbours::expect_host(const Address& address, Now now) {
  Listed* l = listed(address);
  if (l == nullptr || l->state == Listed::State::live || l->state == Listed::State::outside) return;
  // A probe of ours while the host makes sure that the address is free would tell it otherwise
  // (RFC 5227 2.1.1, RFC 4862 5.4.3).
  l->state = Listed::State::unknown;
  l->probing = true;
  l->probes = 0;
  l->due = now.tick + kSettle;
}

bool Neighbours::is_live(const Address& address, Now now) const {
  int i = -1;
  if (const Host* host = hosts_.find(address); host != nullptr) {
    if (host->listed < 0) return elapsed(now.tick, host->seen) < kSilence;
    i = host->listed;
  } else {
    i = find_listed(listed_, address);
  }
  return i >= 0 && listed_[static_cast<std::size_t>(i)].state == Listed::State::live;
}

}  // namespace mitibox
