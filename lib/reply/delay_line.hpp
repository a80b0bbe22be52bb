// SPDX-License-Identifier: BSD-3-Clause
/// What the box says in conversations waits for a time that nothing but chance decides.
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/siphash.hpp"
#include "base/time.hpp"
#include "probability/fixed_array.hpp"

namespace mitibox {

/// In order of arrival. What a client says to a host is kept for that host, or sent on to it, and
/// is work that nobody has with what is said to those who do not exist: as long as that work takes
/// less than kLeast, the time of the answer does not show it. The rest is drawn, so that it does
/// not show either in which of two polls a tenth of a microsecond apart an answer leaves. Owned by
/// one lcore.
class DelayLine {
 public:
  static constexpr Time kLeast = std::chrono::microseconds(50);  ///< after the burst's time
  static constexpr Time kMost = std::chrono::microseconds(100);
  static constexpr std::uint32_t kCapacity = 256;

  DelayLine(Key128 key, const std::string& name)
      : key_(key), waiting_(kCapacity, {name, "tables"}) {}

  /// False when too many wait: then nobody's answer does.
  bool add(rte_mbuf* frame, Now now) {
    if (last_ - first_ == kCapacity) return false;
    due_ = std::max(due_, now.time + drawn());
    waiting_[last_++ % kCapacity] = {frame, due_};
    return true;
  }

  /// Call once a poll: sends those whose time has come.
  template <typename Send>
  void release(Now now, Send send) {
    while (first_ != last_ && waiting_[first_ % kCapacity].due <= now.time)
      send(waiting_[first_++ % kCapacity].frame);
  }
  /// Sends all that wait.
  template <typename Send>
  void finish(Send send) {
    while (first_ != last_) send(waiting_[first_++ % kCapacity].frame);
  }

  static std::size_t memory_bytes() { return kCapacity * sizeof(Waiting) + 64; }

 private:
  struct Waiting {
    rte_mbuf* frame;
    Time due;
  };

  Time drawn() {
    constexpr auto kSpread = static_cast<std::uint64_t>((kMost - kLeast).count());
    return kLeast + Time(static_cast<std::int64_t>(siphash13_of(key_, counter_++) % kSpread));
  }

  Key128 key_;
  FixedArray<Waiting> waiting_;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  std::uint64_t counter_ = 0;
  Time due_{0};  ///< of the last one
};

}  // namespace mitibox
