// SPDX-License-Identifier: BSD-3-Clause
/// How distrust decays (the paper, figure 1): T1 in full, then the partial levels, then nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "policy/policy.hpp"
#include "probability/share.hpp"

namespace mitibox {

/// Immutable. Grade 0 is the lightest distrust, full() the paper's; each grade between lasts twice
/// as long as the one before it, its partial levels shortened in proportion. What is proven is full
/// distrust, and twice as long in all its levels for each repeat, as often as the policy says. A
/// grade beyond full(), which another policy gave, is full(); repeats beyond are the most.
class Schedule {
 public:
  /// How long a source's evidence is remembered at least: within it more counts as a repeat.
  static constexpr Time kRepeat = std::chrono::hours(24);

  struct Level {
    unsigned number = 0;  ///< 0: neutral
    Time since{};         ///< meaningful unless neutral
    Time until{};
  };

  explicit Schedule(const Policy& policy);

  [[nodiscard]] unsigned full() const { return full_; }
  /// Of a distrust that began at `start`; `now` does not lie before it.
  [[nodiscard]] Level level(unsigned grade, Time start, Time now) const {
    return level_of(row(grade), start, now);
  }
  /// The same of what is proven; `start` may lie ahead: it is distrusted until then, too.
  [[nodiscard]] Level proven(unsigned repeats, Time start, Time now) const {
    return level_of(proven_row(repeats), start, now);
  }
  /// From the start of a distrust until its first level ends.
  [[nodiscard]] Time first(unsigned grade) const { return ends_[row(grade)]; }
  [[nodiscard]] Time first_proven(unsigned repeats) const { return ends_[proven_row(repeats)]; }
  /// From the start of a distrust until its source is neutral.
  [[nodiscard]] Time total(unsigned grade) const { return ends_[row(grade) + levels_ - 1]; }
  [[nodiscard]] Time total_proven(unsigned repeats) const {
    return ends_[proven_row(repeats) + levels_ - 1];
  }
  /// From the start of a distrust until a repeat no longer counts as one.
  [[nodiscard]] Time remembered(unsigned grade) const { return std::max(total(grade), kRepeat); }
  [[nodiscard]] unsigned harder(unsigned grade) const { return std::min(grade + 1, full_); }
  /// How often what is proven doubles.
  [[nodiscard]] unsigned doublings() const { return doublings_; }

  /// Share of attempts diverted at a level.
  [[nodiscard]] double divert(unsigned number) const { return diverts_[number]; }
  [[nodiscard]] Share share(unsigned number) const { return shares_[number]; }

 private:
  [[nodiscard]] std::size_t row(unsigned grade) const {
    return std::size_t{std::min(grade, full_)} * levels_;
  }
  [[nodiscard]] std::size_t proven_row(unsigned repeats) const {
    return std::size_t{full_ + std::min(repeats, doublings_)} * levels_;
  }
  [[nodiscard]] Level level_of(std::size_t row, Time start, Time now) const {
    const Time* const ends = &ends_[row];
    const Time age = now - start;
    if (age >= ends[levels_ - 1]) return {};
    unsigned i = 0;
    while (age >= ends[i]) ++i;
    return {i + 1, i == 0 ? start : start + ends[i - 1], start + ends[i]};
  }

  unsigned levels_;  ///< of distrust, without neutral
  unsigned full_ = 0;
  unsigned doublings_;
  std::vector<Time> ends_;  ///< grade by grade: where each level ends, from the start
  std::vector<double> diverts_;
  std::vector<Share> shares_;
};

}  // namespace mitibox
