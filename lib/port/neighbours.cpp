// SPDX-License-Identifier: BSD-3-Clause
#include "port/neighbours.hpp"

#include "port/neighbours_times.hpp"

namespace mitibox {

namespace {

constexpr std::uint64_t kManyHosts = HostTable::kMaxHosts;

std::uint64_t count_addresses(const std::vector<Prefix>& prefixes) {
  std::uint64_t sum = 0;
  for (const Prefix& p : prefixes) {
    const unsigned bits = (p.address.is_v4() ? 32 : 128) - p.bits;
    sum += bits < 16 ? std::uint64_t{1} << bits : kManyHosts;
  }
  return sum;
}

}  // namespace

Neighbours::Neighbours(const Policy& policy, const Mac& own, rte_mempool* pool)
    : protected_(policy.protected_prefixes),
      own_(own),
      pool_(pool),
      listed_(list_addresses(policy)),
      hosts_(count_addresses(policy.protected_prefixes)),
      gateways_(policy.gateways) {}

Listed* Neighbours::listed(const Address& address) {
  const int i = find_listed(listed_, address);
  return i < 0 ? nullptr : &listed_[static_cast<std::size_t>(i)];
}

bool Neighbours::usable(const Mac& mac) const {
  return !mac.is_group() && mac != Mac{} && mac != own_;
}

void Neighbours::process(Packet& packet, Now now, Output& out) {
  if (packet.ether_type == ethertype::kArp)
    process_arp(packet, now, out);
  else if (packet.ether_type == ethertype::kIpv6 && packet.protocol == protocol::kIcmpv6 &&
           packet.fragment == Fragment::none)  // RFC 6980: never in fragments
    process_nd(packet, now, out);
  else
    packet.forward();
}

void Neighbours::seen_inside(const Packet& packet, Now now, Output& out) {
  if (packet.family == Family::none) return;
  const Address source = packet.source();
  const Mac& mac = packet.ether().source;
  // Most packets say what the last one said.
  if (const Host* host = hosts_.find(source);
      host != nullptr && host->mac == mac && elapsed(now.tick, host->seen) < kFresh)
    return;
  host_seen({source, mac, tags_of(packet), false}, now, out);
}

void Neighbours::seen_outside(const Packet& packet, const Address& address, const Mac& mac,
                              Now now) {
  if (!protected_.contains(address) || !claimed_outside(address, mac, now)) return;
  gateways_.learn(address, now.tick);
  if (gateways_.contains(address)) learn_gateway_mac(packet.ether().source);
}

bool Neighbours::claimed_outside(const Address& address, const Mac& mac, Now now) {
  // A frame of a host inside that some loop brought back must not move the host outside.
  if (const Host* host = hosts_.find(address);
      host != nullptr && host->mac == mac && elapsed(now.tick, host->seen) < kSilence)
    return false;
  hosts_.erase(address);
  if (Listed* l = listed(address); l != nullptr) {
    l->state = Listed::State::outside;
    l->probing = false;
    l->seen = now.tick;
  }
  return true;
}

void Neighbours::redirect(Packet& packet, const Listed& l) {
  // The router makes sure of a neighbour it believes to be the box.
  if (packet.ether().destination == own_ && l.state == Listed::State::live)
    packet.ether().destination = l.mac;
}

void Neighbours::host_seen(const Sighting& sighting, Now now, Output& out) {
  if (!usable(sighting.mac) || !protected_.contains(sighting.address)) return;
  // Who moved from outside to inside says so by ARP or ND, after silence outside.
  if (gateways_.contains(sighting.address) &&
      !(sighting.neighbour && gateways_.forget(sighting.address, now.tick, kSilence)))
    return;
  const std::int16_t i = find_listed(listed_, sighting.address);
  Listed* l = i < 0 ? nullptr : &listed_[static_cast<std::size_t>(i)];
  if (l != nullptr && l->state == Listed::State::outside &&
      !(sighting.neighbour && elapsed(now.tick, l->seen) >= kSilence))
    return;

  Host* host = hosts_.find(sighting.address);
  if (host == nullptr) host = &hosts_.insert(sighting.address, now.tick);
  host->mac = sighting.mac;
  host->seen = now.tick;
  host->listed = i;
  if (l == nullptr) return;
  if (l->state != Listed::State::live) l->announced = false;
  l->state = Listed::State::live;
  l->probing = false;
  l->mac = sighting.mac;
  l->tags = sighting.tags;
  l->seen = now.tick;
  if (l->cached && !l->announced) announce(*l, out);
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

bool Neighbours::answers_for(Listed& l, const Tags& tags, Now now, Output& out) {
  if (l.state == Listed::State::live || l.state == Listed::State::outside) return false;
  const bool same = same_vlan(l.tags, tags);
  if (l.state == Listed::State::dark && same) return true;
  // Not known, or dark in another VLAN, which tells nothing of this one.
  l.state = Listed::State::unknown;
  const bool waiting = l.probing && l.probes == 0;
  if (l.probing && same) return false;
  l.tags = tags;
  if (waiting) return false;
  l.probing = true;
  l.probes = 0;
  l.due = now.tick;
  advance(l, now, out);
  return false;
}

void Neighbours::answered(Packet& packet, Listed& l, rte_mbuf* answer, Output& out) {
  if (!emit(answer, Side::outside, out)) return;
  ++counters_.answers;
  l.cached = true;
  l.wanted = true;
  packet.consume(Reason::neighbour_answered);
}

bool Neighbours::redirect_from_box(Packet& packet) {
  Mac& destination = packet.ether().destination;
  if (packet.family == Family::none) return true;
  const Address address = packet.destination();
  Listed* l = listed(address);
  if (l == nullptr) {
    // Listed before the last change of policy, perhaps.
    const Host* host = hosts_.find(address);
    if (host == nullptr) return false;
    destination = host->mac;
  } else {
    if (l->state != Listed::State::live) {
      l->wanted = true;
      return false;
    }
    destination = l->mac;
    l->cached = true;
  }
  ++counters_.rewrites;
  return true;
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

bool Neighbours::is_gateway_mac(const Mac& mac) const {
  return gateways_.has_mac(mac);
}

void Neighbours::learn_gateway_mac(const Mac& mac) {
  if (usable(mac)) gateways_.learn_mac(mac);
}

}  // namespace mitibox
