// SPDX-License-Identifier: BSD-3-Clause
#include "observe/recorder.hpp"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_ring_elem.h>

#include <stdexcept>

namespace mitibox {

Recorder::Recorder(const std::string& name, Config config) : config_(config) {
  constexpr unsigned kOneToOne = RING_F_EXACT_SZ | RING_F_SP_ENQ | RING_F_SC_DEQ;
  ring_.reset(rte_ring_create_elem(name.c_str(), sizeof(Event), kRing,
                                   static_cast<int>(rte_socket_id()), kOneToOne));
  if (!ring_)
    throw std::runtime_error(
        fmt::format("cannot allocate {}: {} entries: {}", name, kRing, rte_strerror(rte_errno)));
  second_ -= kSecond;
}

void Recorder::configure(EventTypes types, std::uint32_t rate, std::span<const Counter> all) {
  // What was dropped while nobody wanted to know is not suppressed.
  if ((config_.types & bit(EventType::drop)) == 0)
    for (std::size_t i = 0; i < accounted_.size(); ++i) accounted_[i] = all[i].get();
  config_.types = types;
  config_.rate = rate;
  second_ -= kSecond;
}

void Recorder::refill(Now now) {
  second_ = now.tick;
  left_.fill(config_.rate);
  reasons_left_.fill(config_.rate);
  skip_ = skip_next_ = 0;
}

void Recorder::ended(std::span<const Packet> burst, std::span<const Counter> all, Now now) {
  if ((config_.types & bit(EventType::drop)) == 0) return;
  begin_second(now);
  if (skip_ != 0) {
    --skip_;
    return;
  }
  bool any = false;
  bool told = false;
  for (const Packet& p : burst) {
    if (p.verdict != Verdict::drop) continue;
    any = true;
    if (reasons_left_[index(p.reason)] == 0) continue;
    drop(p, all[index(p.reason)].get(), now);
    told = true;
  }
  if (told) {
    skip_next_ = 0;
  } else if (any) {
    skip_next_ = std::min(2 * skip_next_ + 1, kSkipMost);
    skip_ = skip_next_;
  }
}

void Recorder::drop(const Packet& p, std::uint64_t before, Now now) {
  // While there are any left to tell, those of a burst follow each other.
  std::uint64_t& accounted = accounted_[index(p.reason)];
  const std::uint64_t untold = before > accounted ? before - accounted : 0;
  accounted += untold + 1;
  --reasons_left_[index(p.reason)];
  counters_.suppressed.add(untold);
  suppressed_[index(EventType::drop)] =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(untold, UINT32_MAX));
  tell(EventType::drop, now, [&](Event& e) {
    e.of(p);
    e.because(p.reason);
  });
}

bool Recorder::push(const Event& event) {
  const bool room =
      rte_ring_sp_enqueue_elem(ring_.get(), const_cast<Event*>(&event), sizeof event) == 0;
  (room ? counters_.recorded : counters_.lost).add();
  return room;
}

std::size_t Recorder::drain(std::span<Event> events) {
  return rte_ring_sc_dequeue_burst_elem(ring_.get(), events.data(), sizeof(Event),
                                        static_cast<unsigned>(events.size()), nullptr);
}

}  // namespace mitibox
