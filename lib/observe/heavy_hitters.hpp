// SPDX-License-Identifier: BSD-3-Clause
/// Who appears most often in a stream that has more names than memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/siphash.hpp"
#include "base/time.hpp"
#include "packet/address.hpp"
#include "probability/fixed_array.hpp"

namespace mitibox {

/// xorshift64: what is counted depends on it, nothing that is judged.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed | 1U) {}
  /// 0 to below - 1, evenly.
  std::uint64_t draw(std::uint64_t below) {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(state_) * below >> 64U);
  }

 private:
  std::uint64_t state_;
};

/// Space-saving (Metwally, Agrawal, El Abbadi 2005) in sets of eight rows that a keyed hash
/// selects, so that nobody can aim at one. A stranger takes the row of the least frequent with
/// probability 1 / (its count + 1) only (randomised admission: Ben Basat and others, 2017): those
/// who come once, in whatever number, displace nobody who comes often. Owned by one lcore; fixed
/// memory.
class HeavyHitters {
 public:
  static constexpr std::size_t kRows = 1024;
  /// Who was not seen for so long gives way to anybody.
  static constexpr Time kStale = std::chrono::minutes(10);

  /// An address, or with port and protocol a destination.
  struct Item {
    Address address;
    std::uint16_t port = 0;  ///< host byte order
    std::uint8_t protocol = 0;

    friend bool operator==(const Item& a, const Item& b) {
      return a.address == b.address && a.port == b.port && a.protocol == b.protocol;
    }
  };
  struct Row {
    Item item;
    std::uint32_t seen = 0;    ///< times that it was added since `since`, whatever the weight
    std::uint64_t count = 0;   ///< appearances since `since`; 0: the row is free
    std::uint64_t missed = 0;  ///< so many on average came before, while there was no row for it
    Time since{};
    Time last{};
  };

  /// `name`: of the table, unique in the process. Throws std::runtime_error when memory is short.
  HeavyHitters(Key128 key, const std::string& name);

  /// It appeared `weight` times.
  void add(const Item& item, std::uint32_t weight, Now now);

  /// All of them, free ones too, in no order.
  [[nodiscard]] std::span<const Row> rows() const { return {&rows_[0], kRows}; }

  static std::size_t memory_bytes() { return kRows * sizeof(Row) + 192; }

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kSets = kRows / kWays;
  static_assert((kSets & (kSets - 1)) == 0);

  Key128 key_;
  Dice dice_;
  FixedArray<Row> rows_;
};

/// Counts all while they are few, then one in kEvery, at random distances, for as many.
/// Owned by one lcore.
class Sampler {
 public:
  static constexpr std::uint32_t kAll = 1024;  ///< a second
  static constexpr std::uint32_t kEvery = 256;

  explicit Sampler(std::uint64_t seed) : dice_(seed) {}

  /// Of `count` that come now: `visit(which, weight)` for those that are to be counted.
  template <typename Visit>
  void take(std::uint32_t count, Now now, Visit visit) {
    if (now.tick - second_ >= 1000) {
      second_ = now.tick;
      seen_ = 0;
    }
    if (seen_ < kAll) {
      seen_ += count;
      for (std::uint32_t i = 0; i < count; ++i) visit(i, 1U);
      return;
    }
    std::uint32_t at = gap_;
    for (; at < count; at += 1 + draw()) visit(at, kEvery);
    gap_ = at - count;
  }

 private:
  std::uint32_t draw() { return static_cast<std::uint32_t>(dice_.draw(2 * kEvery - 1)); }

  Dice dice_;
  Tick second_ = 0;
  std::uint32_t seen_ = 0;  ///< in this second
  std::uint32_t gap_ = 0;   ///< how many pass before the next that is counted
};

}  // namespace mitibox
