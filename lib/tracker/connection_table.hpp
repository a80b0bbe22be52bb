// SPDX-License-Identifier: BSD-3-Clause
/// Connections of one family: index, records, expiry, and who goes first when it is full.
#pragma once

#include <rte_hash.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/siphash.hpp"
#include "base/time.hpp"
#include "tracker/connection.hpp"

namespace mitibox {

/// Owned by one lcore. Preallocated; never grows. Index: rte_hash with extendable buckets, one
/// writer, addressed by a keyed hash. Record i belongs to the key at
/// position i of the index. A position is valid until the next change of epoch().
class ConnectionTable {
 public:
  static constexpr std::int32_t kNone = -1;

  struct Sizes {
    std::uint32_t capacity;   ///< connections
    std::uint32_t half_open;  ///< of these, at most this many half-open
    std::uint32_t datagram;   ///< of these, at most this many of stage datagram
  };

  /// `key_size` in bytes, a multiple of 8. Throws std::runtime_error naming the table, its size and
  /// the option.
  ConnectionTable(std::string_view name, std::uint32_t key_size, Sizes sizes, Key128 secret);
  ~ConnectionTable();
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  /// The keyed hash of a key: what find() and insert() take, and no outsider can aim.
  [[nodiscard]] std::uint32_t hash(const std::uint64_t* key) const {
    return static_cast<std::uint32_t>(siphash13(secret_, {key, key_size_ / 8U}));
  }

  /// As above, of `count` keys of this table's size, a column for each of their words.
  template <std::size_t Words>
  void hash(std::array<std::array<std::uint64_t, kBurst>, Words>& columns, std::size_t count,
            std::array<std::uint32_t, kBurst>& hashes) const {
    std::array<std::uint64_t, kBurst> wide;
    siphash_columns<1, 3>(secret_, columns, count, wide);
    for (std::size_t i = 0; i < kBurst; ++i) hashes[i] = static_cast<std::uint32_t>(wide[i]);
  }

  /// Positions of up to kBurst keys; negative where there is none.
  void find(std::span<const void*> keys, const std::uint32_t* hashes,
            std::int32_t* positions) const;
  [[nodiscard]] std::int32_t find(const void* key, std::uint32_t hash) const;

  /// A fresh record of this stage for a key that has none; kNone when there is no room that may be
  /// taken. Recycles the oldest half-open, then the oldest datagram connection.
  std::int32_t insert(const void* key, std::uint32_t hash, Stage stage);
  void erase(std::int32_t position);
  void move_to(std::int32_t position, Stage stage);

  Connection& operator[](std::int32_t position) { return records_[position]; }
  const Connection& operator[](std::int32_t position) const { return records_[position]; }

  /// When the sweep shall look at this record next; call when a record's deadline moves closer.
  void check_at(std::int32_t position, Tick when) { due_[position] = when == 0 ? 1 : when; }

  /// Looks at records in turn, all of them about once a second, in proportion to the time passed.
  /// `deadline(record)` returns when it expires.
  template <typename Deadline>
  void sweep(Tick now, Deadline deadline) {
    const std::uint32_t passed = elapsed(now, swept_);
    if (passed == 0) return;
    swept_ = now;
    std::uint64_t budget = (std::uint64_t{passed} * sizes_.capacity >> 10U) + 1;
    for (budget = std::min<std::uint64_t>(budget, sizes_.capacity); budget > 0; --budget) {
      const auto i = static_cast<std::int32_t>(cursor_);
      if (++cursor_ == sizes_.capacity) cursor_ = 0;
      if (due_[i] == 0 || static_cast<std::int32_t>(now - due_[i]) < 0) continue;
      const Tick until = deadline(records_[i]);
      if (static_cast<std::int32_t>(now - until) >= 0) {
        erase(i);
        ++expired_;
      } else {
        check_at(i, until);
      }
    }
  }

  /// Grows with each insertion and removal: positions found before may be stale after.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::uint32_t size(Stage s) const {
    return lists_[static_cast<std::size_t>(s)].count;
  }
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }
  [[nodiscard]] std::uint64_t expired() const { return expired_; }

  static std::size_t memory_bytes(std::uint32_t key_size, std::uint32_t capacity);

 private:
  /// Oldest first. Settled connections are counted, not linked.
  struct List {
    std::uint32_t head = kEnd, tail = kEnd, count = 0;
  };
  struct Link {
    std::uint32_t previous, next;
  };
  static constexpr std::uint32_t kEnd = UINT32_MAX;

  void link(std::uint32_t i, Stage stage);
  void unlink(std::uint32_t i);
  bool evict_oldest(Stage stage);

  Sizes sizes_;
  std::uint32_t key_size_;
  Key128 secret_;
  rte_hash* index_ = nullptr;
  Connection* records_ = nullptr;
  Link* links_ = nullptr;
  Tick* due_ = nullptr;  ///< 0: free
  std::array<List, 3> lists_;
  std::uint32_t cursor_ = 0;
  Tick swept_ = 0;
  std::uint32_t size_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t expired_ = 0;
};

}  // namespace mitibox
