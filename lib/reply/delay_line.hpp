// SPDX-License-Identifier: BSD-3-Clause
/// What the box says in conversations waits, always equally long.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <string>

#include "base/time.hpp"
#include "probability/fixed_array.hpp"

namespace mitibox {

/// In order of arrival. What a client says to a host is kept for that host, or sent on to it, and
/// is work that nobody has with what is said to those who do not exist: as long as that work takes
/// less than kDelay, the time of the answer does not show it. Owned by one lcore.
class DelayLine {
 public:
  static constexpr Time kDelay = std::chrono::microseconds(50);  ///< after the burst's time
  static constexpr std::uint32_t kMost = 256;

  explicit DelayLine(const std::string& name) : waiting_(kMost, {name, "tables"}) {}

  /// False when too many wait: then nobody's answer does.
  bool add(rte_mbuf* frame, Now now) {
    if (last_ - first_ == kMost) return false;
    waiting_[last_++ % kMost] = {frame, now.time + kDelay};
    return true;
  }

  /// Call once a poll: sends those whose time has come.
  template <typename Send>
  void release(Now now, Send send) {
    while (first_ != last_ && waiting_[first_ % kMost].due <= now.time)
      send(waiting_[first_++ % kMost].frame);
  }
  /// Sends all that wait.
  template <typename Send>
  void finish(Send send) {
    while (first_ != last_) send(waiting_[first_++ % kMost].frame);
  }

  static std::size_t memory_bytes() { return kMost * sizeof(Waiting) + 64; }

 private:
  struct Waiting {
    rte_mbuf* frame;
    Time due;
  };

  FixedArray<Waiting> waiting_;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
};

}  // namespace mitibox
