// SPDX-License-Identifier: BSD-3-Clause
/// Unproven evidence: what anybody may claim in anybody's name. Fixed memory that a flood can only
/// churn, oldest first.
#pragma once

#include <rte_prefetch.h>

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/time.hpp"
#include "probability/fixed_array.hpp"
#include "trust/schedule.hpp"
#include "trust/trust_state.hpp"

namespace mitibox {

/// Owned by one lcore. Sets of one cache line, selected by bits 16..47 of a keyed hash of the
/// source; a cell knows its source by 32 other bits, so that in a full sketch a stranger is
/// mistaken for somebody else once in 2^30. Times are whole (64 bits): nothing wraps, nothing need
/// be swept.
class Sketch {
 public:
  struct Cell {
    std::uint32_t fingerprint = 0;  ///< 0: empty
    std::uint32_t grade = 0;        ///< of the schedule
    Time start{};                   ///< of the distrust

    [[nodiscard]] bool holds(const Schedule& schedule, Time now) const {
      return fingerprint != 0 && now - start < schedule.remembered(grade);
    }
  };
  static_assert(sizeof(Cell) == 16);

  Sketch(std::uint32_t cells, const TableName& name) : sets_(set_count(cells), name) {}

  static std::size_t memory_bytes(std::uint32_t cells) { return set_count(cells) * sizeof(Set); }

  void prefetch(std::uint64_t hash) const { rte_prefetch0(&sets_[slot_of(hash, sets_.size())]); }

  /// The source's cell, remembered or not; nullptr if there is none.
  [[nodiscard]] const Cell* find(std::uint64_t hash) const {
    for (const Cell& c : sets_[slot_of(hash, sets_.size())].cells)
      if (c.fingerprint == fingerprint(hash)) return &c;
    return nullptr;
  }

  /// Notes evidence. A repeat weighs more than what came before it; under `attempt`, where there
  /// is but one grade, it weighs the same. Returns whether a remembered cell of another source had
  /// to go.
  bool note(std::uint64_t hash, const Schedule& schedule, Time now) {
    Set& set = sets_[slot_of(hash, sets_.size())];
    Cell* best = &set.cells[0];
    for (Cell& c : set.cells) {
      if (c.fingerprint == fingerprint(hash)) {
        c.grade = c.holds(schedule, now) ? schedule.harder(c.grade) : 0;
        c.start = now;
        return false;
      }
      if (order(c, schedule, now) < order(*best, schedule, now)) best = &c;
    }
    const bool evicted = best->holds(schedule, now);
    *best = {fingerprint(hash), 0, now};
    return evicted;
  }

  /// Returns whether there was anything to forget.
  bool forget(std::uint64_t hash) {
    for (Cell& c : sets_[slot_of(hash, sets_.size())].cells) {
      if (c.fingerprint != fingerprint(hash)) continue;
      c = {};
      return true;
    }
    return false;
  }
  /// As ProvenSources::copy, of cells; `worker` stays 0.
  std::size_t copy(std::uint32_t& cursor, std::span<SavedCell> out) const;
  /// Into a sketch as large under the same key. Returns whether it is remembered still.
  bool restore(const SavedCell& saved, const Schedule& schedule, Time now);

 private:
  static constexpr std::size_t kWays = 4;
  struct alignas(64) Set {
    Cell cells[kWays];
  };
  static_assert(sizeof(Set) == 64);

  static std::size_t set_count(std::uint32_t cells) {
    return std::max<std::size_t>(1, (std::size_t{cells} + kWays - 1) / kWays);
  }
  // Bits that did not select the set.
  static std::uint32_t fingerprint(std::uint64_t hash) {
    return std::max(1U, static_cast<std::uint32_t>(hash >> 48U << 16U | (hash & 0xffffU)));
  }
  /// Least first: what may go; then the oldest.
  static Time order(const Cell& c, const Schedule& schedule, Time now) {
    return c.holds(schedule, now) ? c.start : Time::min();
  }

  FixedArray<Set> sets_;
};

}  // namespace mitibox
