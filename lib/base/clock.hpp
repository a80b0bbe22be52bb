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
  /// After rte_eal_init, which measures the counter's frequency. For benchmarks alone: `speed`,
  /// seconds of the box a second; `step`, it goes in jumps of 2^step ns.
  explicit Clock(double speed = 1, unsigned step = 0)
      : start_(rte_rdtsc()),
        mask_(-(std::int64_t{1} << step)),
        scale_(static_cast<std::uint64_t>(
            std::ldexp(1e9 * speed / static_cast<double>(rte_get_tsc_hz()), kShift))) {}

  [[nodiscard]] Now read() const { return {age_, since_start()}; }
  [[nodiscard]] Time since_start() const {
    // Signed: a counter that was set back must not be taken for one that is centuries ahead.
    const auto cycles = static_cast<__int128>(static_cast<std::int64_t>(rte_rdtsc() - start_));
    return Time(static_cast<std::int64_t>(cycles * scale_ >> kShift) & mask_);
  }

  /// From now on the box was this old when the process began. Before the clock is copied.
  void set_age(Time age) { age_ = age; }
  [[nodiscard]] Time age_at_start() const { return age_; }

 private:
  static constexpr unsigned kShift = 32;
  Time age_{};
  std::uint64_t start_;
  std::int64_t mask_;
  std::uint64_t scale_;
};

/// One thread's time, which goes on from where it was when the counter behind it is set back (a
/// machine that was put to sleep, or goes on elsewhere): `Time` never does.
class Onward {
 public:
  Time operator()(Time read) {
    if (read + lost_ < last_) [[unlikely]]
      lost_ = last_ - read;
    last_ = read + lost_;
    return last_;
  }
  /// As the clock reads it, but for what was lost.
  Now operator()(const Clock& clock) {
    return {clock.age_at_start(), (*this)(clock.since_start())};
  }

 private:
  Time last_{};
  Time lost_{};
};

}  // namespace mitibox
