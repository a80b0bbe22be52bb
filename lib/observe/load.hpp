// SPDX-License-Identifier: BSD-3-Clause
/// How busy a worker is, and how long its bursts take.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/time.hpp"
#include "observe/counters.hpp"

namespace mitibox {

/// Written by one worker once a poll, from the clock that it reads anyway; any thread reads.
struct Load {
  /// Bucket b counts busy polls of less than 2^(b + kFirst) ns, and no less than the bucket before;
  /// the last one has no upper end.
  static constexpr std::size_t kBuckets = 20;
  static constexpr unsigned kFirst = 8;

  Counter polls;
  Counter busy_polls;  ///< that found frames
  Counter busy_ns;     ///< these took, from one look at the ports to the next
  std::array<Counter, kBuckets> buckets;

  /// A poll is over.
  void polled(bool busy, Time took) {
    polls.add();
    if (!busy) return;
    busy_polls.add();
    const auto ns = static_cast<std::uint64_t>(took.count());
    busy_ns.add(ns);
    buckets[bucket(ns)].add();
  }
  [[nodiscard]] static constexpr std::size_t bucket(std::uint64_t ns) {
    return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(ns >> kFirst)),
                                 kBuckets - 1);
  }
  /// In ns; of the last bucket there is none.
  [[nodiscard]] static constexpr std::uint64_t upper(std::size_t bucket) {
    return std::uint64_t{1} << (bucket + kFirst);
  }
};

}  // namespace mitibox
