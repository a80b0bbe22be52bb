// SPDX-License-Identifier: BSD-3-Clause
/// The live clock: the time-stamp counter, scaled.
#pragma once

#include <rte_cycles.h>

#include <cmath>

#include "base/time.hpp"

namespace mitibox {

/// Read once per burst. Every lcore uses a copy of one clock: the counter is the same everywhere.
class Clock {
 public:
  /// After rte_eal_init, which measures the counter's frequency. `speed`: seconds of the box a
  /// second; other than 1 only in benchmarks.
  explicit Clock(double speed = 1)
      : start_(rte_rdtsc()),
        scale_(static_cast<std::uint64_t>(
            std::ldexp(1e9 * speed / static_cast<double>(rte_get_tsc_hz()), kShift))) {}

  [[nodiscard]] Now read() const {
    const auto cycles = static_cast<unsigned __int128>(rte_rdtsc() - start_);
    return Now(Time(static_cast<std::int64_t>(cycles * scale_ >> kShift)));
  }

 private:
  static constexpr unsigned kShift = 32;
  std::uint64_t start_;
  std::uint64_t scale_;
};

}  // namespace mitibox
