// SPDX-License-Identifier: BSD-3-Clause
/// Rates per key, in fixed memory that a flood of keys can fill but never get more out of.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"
#include "probability/fixed_array.hpp"

namespace mitibox {

/// Owned by one lcore. Buckets in sets of one cache line, selected by a keyed hash of what they
/// count for; nobody outside can compute it. A bucket is the time at which it will be full again
/// (virtual scheduling, ITU-T I.371): one that is full need not be remembered, so nothing is swept.
/// Where a set has no room a stranger goes on with the bucket that owes least, debt and all: all
/// keys together never get more than `cells` buckets would give, whoever they are.
class TokenBuckets {
 public:
  struct Rate {
    std::uint32_t per_second = 0;  ///< 0: no limit
    std::uint32_t burst = 0;       ///< at once, after a pause
  };

  /// Throws std::runtime_error naming the table when memory is short.
  TokenBuckets(Rate rate, std::uint32_t cells, const TableName& name)
      : interval_(rate.per_second == 0 ? Time{} : kSecond / rate.per_second),
        most_(interval_ * rate.burst),
        sets_(set_count(cells), name) {}

  static std::size_t memory_bytes(std::uint32_t cells) { return set_count(cells) * sizeof(Set); }

  /// Takes a token from the bucket of this hash; false: it has none.
  bool take(std::uint64_t hash, Time now) {
    if (interval_ == Time{}) return true;
    Cell& cell = cell_of(hash, now);
    const Time full = std::max(cell.full, now) + interval_;
    if (full - now > most_) return false;
    cell = {hash, full};
    return true;
  }

 private:
  static constexpr Time kSecond = std::chrono::seconds(1);
  static constexpr std::size_t kWays = 4;
  struct Cell {
    std::uint64_t hash;
    Time full;
  };
  struct alignas(64) Set {
    Cell cells[kWays];
  };
  static_assert(sizeof(Set) == 64);

  static std::size_t set_count(std::uint32_t cells) {
    return std::max<std::size_t>(1, (std::size_t{cells} + kWays - 1) / kWays);
  }
  Cell& cell_of(std::uint64_t hash, Time now) {
    Set& set = sets_[slot_of(hash, sets_.size())];
    Cell* least = &set.cells[0];
    for (Cell& c : set.cells) {
      if (c.hash == hash && c.full > now) return c;
      if (c.full < least->full) least = &c;
    }
    return *least;
  }

  Time interval_;
  Time most_;
  FixedArray<Set> sets_;
};

}  // namespace mitibox
