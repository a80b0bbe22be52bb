// SPDX-License-Identifier: BSD-3-Clause
/// Whether the box as a whole lives: what its watchdog is told.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.hpp"

namespace mitibox {

/// A beat stands for all workers: a box of which one stands still must be started anew. Used by the
/// control thread.
class Heartbeat {
 public:
  /// `every`: from one beat to the next.
  Heartbeat(unsigned workers, Time every) : every_(every), counted_(workers), moved_(workers) {}

  /// `polls`: how often each worker has polled. Whether a beat is due: each polled since the last
  /// one, which was `every` ago.
  bool beat(std::span<const std::uint64_t> polls, Time now) {
    bool all = true;
    for (std::size_t i = 0; i < counted_.size(); ++i) {
      if (polls[i] != counted_[i].polls) counted_[i] = {polls[i], now}, moved_[i] = true;
      all = all && moved_[i];
    }
    if (!all || (began_ && now - last_ < every_)) return false;
    began_ = true;
    last_ = now;
    moved_.assign(moved_.size(), false);
    return true;
  }

  /// A worker that has not polled for `span`.
  [[nodiscard]] std::optional<unsigned> standing_still(Time span, Time now) const {
    for (std::size_t i = 0; i < counted_.size(); ++i)
      if (now - counted_[i].since >= span) return static_cast<unsigned>(i);
    return std::nullopt;
  }

 private:
  struct Seen {
    std::uint64_t polls = 0;
    Time since{};  ///< when the count was found to have changed last
  };
  Time every_;
  std::vector<Seen> counted_;
  std::vector<bool> moved_;  ///< since the last beat
  bool began_ = false;
  Time last_{};
};

}  // namespace mitibox
