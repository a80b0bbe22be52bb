// SPDX-License-Identifier: BSD-3-Clause
// What Neighbours does of its own accord: probing, ageing, announcing.
#include <rte_mbuf.h>

#include <algorithm>

#include "port/neighbours.hpp"
#include "port/neighbours_times.hpp"

namespace mitibox {

bool Neighbours::needs_probing(const Listed& l, Now now) const {
  switch (l.state) {
    case Listed::State::unknown:
      return true;
    case Listed::State::live:
      if (elapsed(now.tick, l.seen) >= kSilence) return true;
      // Not while it may still make sure that the address is free: see expect_host().
      return answer_live_ && !l.settled() && elapsed(now.tick, l.lives) >= kSettle &&
             elapsed(now.tick, l.probed) >= kAssured;
    case Listed::State::dark:
      return l.wanted && elapsed(now.tick, l.probed) >= kRecheck;
    case Listed::State::outside:
      break;
  }
  return false;
}

void Neighbours::tick(Now now, Output& out) {
  if (!started_) {
    started_ = true;
    swept_ = now.tick - 1;
    next_start_ = now.tick;
  }
  const std::uint64_t span = elapsed(now.tick, swept_);
  if (span == 0) return;
  swept_ = now.tick;
  hosts_.sweep(now.tick, 2 * kSilence);
  if (role_.speaks) repeat_gateways(now);
  const std::uint64_t all = listed_.size();
  for (std::uint64_t n = std::min(all, (all * span + kSweep - 1) / kSweep); n > 0; --n) {
    if (out.count == kMaxFrames) return;
    if (role_.speaks) {
      step(listed_[cursor_], now, out);
      repeat(listed_[cursor_], now);
    } else {
      fade(listed_[cursor_], now);
    }
    cursor_ = (cursor_ + 1) % all;
  }
}

void Neighbours::step(Listed& l, Now now, Output& out) {
  if (l.state == Listed::State::live && l.cached && !l.announced) announce(l, now, out);
  if (!l.probing) {
    if (!needs_probing(l, now) || !may_start(now)) return;
    l.probing = true;
    // One probe does where three were in vain before.
    l.probes = l.state == Listed::State::dark ? kProbes - 1 : 0;
    l.due = now.tick;
    if (l.state == Listed::State::live) l.probed = now.tick;
  }
  if (reached(now.tick, l.due)) advance(l, now, out);
}

void Neighbours::advance(Listed& l, Now now, Output& out) {
  if (l.probes < kProbes) {
    if (!probe(l, now, out)) return;  // no buffer or no room: at the next tick
    ++l.probes;
    l.due = now.tick + kProbeInterval;
    return;
  }
  give_up(l, now);
}

void Neighbours::give_up(Listed& l, Now now) {
  l.probing = false;
  if (l.state == Listed::State::live) {
    l.resolved = false;
    // It may still live: others talk in its name, or it sleeps.
    if (elapsed(now.tick, l.seen) < kSilence) return;
    hosts_.erase(l.address);
    l.cached = false;  // the router has the MAC of the host that left
    tell(Fact::about(Fact::Kind::dark, l.address, l.seen));
  }
  l.state = Listed::State::dark;
  l.wanted = false;
  l.probed = now.tick;
}

bool Neighbours::may_start(Now now) {
  if (!reached(now.tick, next_start_)) return false;
  const Tick behind = elapsed(now.tick, next_start_);
  const Tick burst = kStartInterval * kMaxFrames;
  next_start_ = (behind > burst ? now.tick - burst : next_start_) + kStartInterval;
  return true;
}

bool Neighbours::probe(const Listed& l, Now now, Output& out) {
  if (out.count == kMaxFrames) return false;
  rte_mbuf* frame = nullptr;
  if (l.address.is_v4()) {
    // The last one to everybody: the host may have got another MAC. All, when that is the question.
    const bool silent = elapsed(now.tick, l.seen) >= kSilence;
    const bool direct = l.state == Listed::State::live && silent && l.probes + 1 < kProbes;
    ArpPacket arp = blank_arp();  // RFC 5227 2.1.1: sender address 0 enters no cache
    arp.operation = be16(kArpRequest);
    arp.sender_mac = own_;
    arp.target_ip = l.address.v4();
    frame =
        make_arp(pool_, {direct ? l.resolved ? l.link : l.mac : kBroadcastMac, own_, l.tags}, arp);
  } else {
    NdFields nd;  // RFC 4862 5.4.2: neither does the unspecified address
    nd.destination = solicited_node(l.address.bytes);
    nd.type = icmp6::kNeighbourSolicitation;
    nd.target = l.address.bytes;
    frame = make_nd(pool_, {group_mac(nd.destination), own_, l.tags}, nd);
  }
  if (!emit(frame, Side::inside, out)) return false;
  ++counters_.probes;
  return true;
}

void Neighbours::announce(Listed& l, Now now, Output& out) {
  if (out.count == kMaxFrames || elapsed(now.tick, l.announcement) < kAnnounce) return;
  const Mac& mac = l.resolved ? l.link : l.mac;
  rte_mbuf* frame = nullptr;
  if (l.address.is_v4()) {
    ArpPacket arp = blank_arp();  // RFC 5227 2.3
    arp.operation = be16(kArpRequest);
    arp.sender_mac = mac;
    arp.sender_ip = arp.target_ip = l.address.v4();
    frame = make_arp(pool_, {kBroadcastMac, mac, l.tags}, arp);
  } else {
    NdFields nd;  // RFC 4861 7.2.6
    nd.source = nd.target = l.address.bytes;
    nd.destination = kAllNodes;
    nd.type = icmp6::kNeighbourAdvertisement;
    nd.flags = kNdOverride | (l.router ? kNdRouter : 0);
    nd.target_link = mac;
    frame = make_nd(pool_, {group_mac(kAllNodes), mac, l.tags}, nd);
  }
  if (!emit(frame, Side::outside, out)) return;  // at the next tick
  ++counters_.announcements;
  l.announcement = now.tick;
  l.announced = true;
  l.cached = false;
}

bool Neighbours::emit(rte_mbuf* frame, Side to, Output& out) {
  if (frame == nullptr) return false;
  out.frames[out.count++] = {frame, to};
  return true;
}

}  // namespace mitibox
