// SPDX-License-Identifier: BSD-3-Clause
/// When calls to hosts leave: not when their clients could tell by the time that it takes.
#pragma once

#include <cstdint>
#include <string>

#include "base/siphash.hpp"
#include "base/time.hpp"
#include "probability/fixed_array.hpp"

namespace mitibox {

/// Calls wait, in order of arrival, for the next of a row of instants whose distances are drawn. To
/// send a frame takes microseconds on some ports, and what a client says meanwhile waits: right
/// behind the handshake it would tell a host that is called from one that does not exist. Owned by
/// one lcore.
class Departures {
 public:
  static constexpr Time kLeast = std::chrono::microseconds(250);  ///< between two instants
  static constexpr Time kMost = std::chrono::microseconds(1250);
  static constexpr std::uint32_t kBudget = 64;  ///< calls a poll

  Departures(Key128 key, std::uint32_t capacity, const std::string& name)
      : key_(key), capacity_(capacity), waiting_(capacity, {name, "tables"}) {}

  /// False when too many wait.
  bool add(std::uint32_t call) {
    if (last_ - first_ == capacity_) return false;
    waiting_[last_++ % capacity_] = call;
    return true;
  }

  /// Call once a poll: visits those whose time has come.
  template <typename Visit>
  void take(Now now, Visit visit) {
    if (now.time < next_) return;
    for (std::uint32_t n = 0; n < kBudget && first_ != last_; ++n)
      visit(waiting_[first_++ % capacity_]);
    if (first_ == last_) next_ = now.time + gap();
  }

 private:
  Time gap() {
    constexpr auto kSpread = static_cast<std::uint64_t>((kMost - kLeast).count());
    return kLeast + Time(static_cast<std::int64_t>(siphash24_of(key_, counter_++) % kSpread));
  }

  Key128 key_;
  std::uint32_t capacity_;
  FixedArray<std::uint32_t> waiting_;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  std::uint64_t counter_ = 0;
  Time next_{0};
};

}  // namespace mitibox
