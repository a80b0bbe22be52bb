// SPDX-License-Identifier: BSD-3-Clause
#include "splice/splices.hpp"

#include <algorithm>

#include "tracker/sequence.hpp"

namespace mitibox {

namespace {

constexpr char kOption[] = "tables";

}  // namespace

Splices::Splices(const Policy& policy, const Secrets& secrets, rte_mempool* pool,
                 const Config& config)
    : most_held_(config.held_segments),
      builder_(pool),
      persona_(secrets.calls),
      departs_(policy.normalise.timing),
      departures_(secrets.departures, kMost, config.name + "-calls"),
      shares_(secrets.shares, SourceMask(policy)),
      index_({config.name + "-index", kOption}, kMost),
      splices_(kMost, {config.name, kOption}),
      due_(kMost, {config.name + "-due", kOption}) {
  for (std::uint32_t i = 0; i < kMost; ++i) splices_[i].hash = i + 1 < kMost ? i + 1 : kNone;
}

Splices::~Splices() {
  for (std::uint32_t i = 0; i < kMost; ++i)
    for (std::size_t k = 0; k < splices_[i].held_count; ++k)
      rte_pktmbuf_free(splices_[i].held[k].segment.frame);
}

Splice* Splices::find(const Packet& packet) {
  if (used_ == 0) return nullptr;
  const std::int32_t at = index_.find(packet.hash, [&](std::int32_t i) {
    return splices_[static_cast<std::uint32_t>(i)].flow == packet.key;
  });
  return at < 0 ? nullptr : &splices_[static_cast<std::uint32_t>(at)];
}

Splice* Splices::begin(const Packet& segment, Splice::State state, Now now) {
  const Shares::Place share = shares_.place(segment);
  const bool waits = says_something(segment);
  if (free_ == kNone || !shares_.room(share) || (waits && !shares_.may_hold(share)) ||
      !index_.insert(segment.hash, free_)) {
    ++counters_.full;
    return nullptr;
  }
  shares_.take(share);
  Splice& s = splices_[free_];
  free_ = s.hash;
  ++used_;
  s.state = state;
  s.calls = 0;
  s.held_count = 0;
  s.trial = false;
  visit_at(s, now.tick + (state == Splice::State::calling ? kRepeat : kRepeatHeld));
  s.hash = segment.hash;
  s.flow = segment.key;
  s.share = share;
  s.head = HeaderCopy(segment);
  return &s;
}

void Splices::remove(Splice& s) {
  const std::uint32_t at = place(s);
  index_.erase(s.hash, at);
  shares_.give_back(s.share);
  due_[at] = 0;
  s.state = Splice::State::idle;
  s.hash = free_;
  free_ = at;
  --used_;
}

bool Splices::hold(Splice& s, const Packet& segment, Now now) {
  if (!can_hold(s)) {
    ++counters_.full;
    return false;
  }
  if (s.held_count == 0 && s.state == Splice::State::open) visit_at(s, now.tick + kRepeatHeld);
  s.held[s.held_count++] = {segment, detail::segment_end(segment)};
  ++held_;
  shares_.hold(s.share);
  return true;
}

void Splices::acknowledged(Splice& s, std::uint32_t before) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < s.held_count; ++i) {
    if (seq_after(s.held[i].end, before))
      s.held[kept++] = s.held[i];
    else
      rte_pktmbuf_free(s.held[i].segment.frame);
  }
  let_go(s, s.held_count - kept);
  s.held_count = static_cast<std::uint8_t>(kept);
  if (kept == 0 && s.state == Splice::State::open) remove(s);
}

IpFields Splices::ip(const Packet& segment) {
  IpFields fields = persona_.tcp(segment);
  fields.ttl = kInwardTtl;
  return fields;
}

rte_mbuf* Splices::make_syn(const Splice& s) {
  const Packet head = s.head.packet();
  const SynOptions options(s.offer.mss, s.offer, s.offer.window_scale);
  return builder_.tcp(head, ip(head),
                      {.sequence = s.client_isn,
                       .acknowledgement = 0,
                       .flags = tcp::kSyn,
                       .window = static_cast<std::uint16_t>(std::min(s.window, 0xffffU)),
                       .options = options.words(),
                       .onward = true});
}

rte_mbuf* Splices::make_ack(const Packet& syn_ack, std::uint32_t window, std::uint8_t scale) {
  if (read_offer(syn_ack).scaled()) window >>= scale;
  return builder_.tcp(syn_ack, ip(syn_ack),
                      {.sequence = syn_ack.acknowledgement,
                       .acknowledgement = syn_ack.sequence + 1,
                       .flags = tcp::kAck,
                       .window = static_cast<std::uint16_t>(std::min(window, 0xffffU))});
}

rte_mbuf* Splices::make_reset(const Packet& challenge) {
  return builder_.tcp(challenge, ip(challenge),
                      {.sequence = challenge.acknowledgement,
                       .acknowledgement = 0,
                       .flags = tcp::kRst,
                       .window = 0});
}

std::size_t Splices::memory_bytes() {
  return kMost * (sizeof(Splice) + sizeof(Tick) + sizeof(std::uint32_t)) +
         FlowIndex::memory_bytes(kMost) + 1024;
}

}  // namespace mitibox
