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

Neighbours::Neighbours(const Policy& policy, const Mac& own, rte_mempool* pool, Role role)
    : protected_(policy.protected_prefixes),
      own_(own),
      pool_(pool),
      role_(role),
      listed_(list_addresses(policy)),
      hosts_(count_addresses(policy.protected_prefixes)),
      gateways_(policy.gateways),
      answer_live_(policy.neighbours.answer_live) {}

Listed* Neighbours::listed(const Address& address) {
  const int i = find_listed(listed_, address);
  return i < 0 ? nullptr : &listed_[static_cast<std::size_t>(i)];
}

bool Neighbours::usable(const Mac& mac) const {
  return !mac.is_group() && mac != Mac{} && mac != own_;
}

void Neighbours::process(Packet& packet, Now now, Output& out) {
  if (!role_.speaks) return packet.forward();
  if (packet.ether_type == ethertype::kArp)
    process_arp(packet, now, out);
  else if (packet.ether_type == ethertype::kIpv6 && packet.protocol == protocol::kIcmpv6 &&
           packet.fragment == Fragment::none)  // RFC 6980: never in fragments
    process_nd(packet, now, out);
  else
    packet.forward();
}

void Neighbours::redirect(Packet& packet, const Listed& l) {
  // The router makes sure of a neighbour it believes to be the box.
  if (packet.ether().destination == own_ && l.state == Listed::State::live)
    packet.ether().destination = l.mac;
}

bool Neighbours::sure_of(const Listed& l, Now now) const {
  if (!answer_live_ || !l.resolved) return false;
  return !l.probing || (l.probes <= 1 && elapsed(now.tick, l.seen) < kSilence);
}

bool Neighbours::answers_for(Listed& l, const Tags& tags, Now now, Output& out) {
  if (l.state == Listed::State::outside) return false;
  const bool same = same_vlan(l.tags, tags);
  if (l.state == Listed::State::live) {
    // In its name and at once, as for those that nobody has: the way to a host and back would tell.
    if (!same || !sure_of(l, now)) return false;
    l.doubted = l.doubted || elapsed(now.tick, l.confirmed) >= kAssured;
    return true;
  }
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
  if (l.state != Listed::State::live) l.cached = l.wanted = true;
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
    if (!note_wanted(*l)) return false;
    destination = l->mac;
  }
  ++counters_.rewrites;
  return true;
}

bool Neighbours::is_gateway_mac(const Mac& mac) const {
  return gateways_.has_mac(mac);
}

void Neighbours::learn_gateway_mac(const Mac& mac) {
  if (usable(mac) && gateways_.learn_mac(mac, swept_, kRepeat)) tell(Fact::gateway_uses(mac));
}

}  // namespace mitibox
