// SPDX-License-Identifier: BSD-3-Clause
/// Counts of durations, each known to within 3 %.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mitibox::bench {

/// Durations in TSC cycles. Below 32 each has a cell of its own, then 32 cells a power of two.
class Histogram {
 public:
  void add(std::uint64_t cycles) {
    ++cells_[cell(cycles)];
    ++count_;
    most_ = std::max(most_, cycles);
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t most() const { return most_; }

  /// The least duration that this share of all does not exceed, to the upper end of its cell.
  [[nodiscard]] std::uint64_t quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if ((seen += cells_[i]) > wanted) return std::min(most_, end_of(i));
    return most_;
  }

 private:
  static constexpr unsigned kBits = 5;
  static constexpr std::uint64_t kFine = 1U << kBits;

  static std::size_t cell(std::uint64_t v) {
    if (v < kFine) return v;
    const auto shift = static_cast<unsigned>(std::bit_width(v)) - kBits - 1;
    return shift * kFine + (v >> shift);
  }
  static std::uint64_t end_of(std::size_t cell) {
    if (cell < kFine) return cell;
    const std::size_t shift = cell / kFine - 1;
    return ((cell - shift * kFine + 1) << shift) - 1;
  }

  std::vector<std::uint64_t> cells_ = std::vector<std::uint64_t>((64 - kBits + 1) * kFine);
  std::uint64_t count_ = 0;
  std::uint64_t most_ = 0;
};

}  // namespace mitibox::bench
