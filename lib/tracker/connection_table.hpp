// SPDX-License-Identifier: BSD-3-Clause
/// Connections of one family: index, records, expiry, and who goes first when it is full.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/siphash.hpp"
#include "base/time.hpp"
#include "packet/packet.hpp"
#include "probability/fixed_array.hpp"
#include "tracker/connection.hpp"
#include "tracker/flow_index.hpp"
#include "tracker/mapping.hpp"

namespace mitibox {

/// Hears of every connection that leaves a table, before its place is free.
class Endings {
 public:
  virtual ~Endings() = default;
  virtual void ended(std::span<const std::uint64_t> key, const Connection& connection) = 0;
};

/// Owned by one lcore. Preallocated; never grows. Record i belongs to key i; an index from the
/// keyed hash finds them. A position is valid until the next change of epoch().
class ConnectionTable {
 public:
  static constexpr std::int32_t kNone = -1;

  struct Sizes {
    std::uint32_t capacity;   ///< connections
    std::uint32_t half_open;  ///< of these, at most this many half-open
    std::uint32_t datagram;   ///< of these, at most this many of stage datagram
  };

  /// `key_size`: kKeySizeV4 or kKeySizeV6. Throws std::runtime_error naming the table, its size and
  /// the option.
  /// `place`: where keys and records outlive the process; without it in rte memory.
  ConnectionTable(std::string_view name, std::uint32_t key_size, Sizes sizes, Key128 secret,
                  const Mapping::Place* place = nullptr);
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  /// The keyed hash of a key: what find() and insert() take, and no outsider can aim.
  [[nodiscard]] std::uint32_t hash(const std::uint64_t* key) const {
    return static_cast<std::uint32_t>(siphash13(secret_, {key, words_}));
  }

  /// As above, of `count` keys of this table's size, a column for each of their words.
  template <std::size_t Words>
  void hash(std::array<std::array<std::uint64_t, kBurst>, Words>& columns, std::size_t count,
            std::array<std::uint32_t, kBurst>& hashes) const {
    std::array<std::uint64_t, kBurst> wide;
    siphash_columns<1, 3>(secret_, columns, count, wide);
    for (std::size_t i = 0; i < kBurst; ++i) hashes[i] = static_cast<std::uint32_t>(wide[i]);
  }

  /// Positions of up to kBurst keys; kNone where there is none.
  void find(std::span<const void*> keys, const std::uint32_t* hashes,
            std::int32_t* positions) const;
  [[nodiscard]] std::int32_t find(const void* key, std::uint32_t hash) const;

  /// A fresh record of this stage for a key that has none; kNone when there is no room that may be
  /// taken. Recycles the oldest half-open, then the oldest datagram connection.
  std::int32_t insert(const void* key, std::uint32_t hash, Stage stage);
  void erase(std::int32_t position);
  void move_to(std::int32_t position, Stage stage);

  Connection& operator[](std::int32_t position) {
    return records_[static_cast<std::uint32_t>(position)];
  }
  const Connection& operator[](std::int32_t position) const {
    return records_[static_cast<std::uint32_t>(position)];
  }

  /// When the sweep shall look at this record next; call when a record's deadline moves closer, and
  /// when a new record is complete: from then on it survives the process.
  void check_at(std::int32_t position, Tick when) {
    const auto i = static_cast<std::uint32_t>(position);
    due_[i] = when == 0 ? 1 : when;
    if (records_[i].seal == 0) seal(i);
  }

  /// Before a record is written anew as a whole; check_at() ends it.
  void begin(std::int32_t position) { unseal(static_cast<std::uint32_t>(position)); }

  /// Looks at records in turn, all of them about once a second. What has come due in a millisecond
  /// is spread over the calls of the next, so that no call holds packets up for long.
  /// `deadline(record)` returns when it expires.
  template <typename Deadline>
  void sweep(Tick now, Deadline deadline) {
    const std::uint32_t passed = elapsed(now, swept_);
    if (passed != 0) {
      swept_ = now;
      if (mapping_) mapping_->header().alive += passed;
      const std::uint64_t due = (std::uint64_t{passed} * fresh_ >> 10U) + 1;
      owed_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(owed_ + due, fresh_));
    }
    std::uint32_t left = std::min(owed_, std::max(kSlice, owed_ / 8));
    std::uint64_t erasures = std::uint64_t{kErasures} * std::max(passed, 1U);
    while (left > 0 && erasures > 0) {
      std::array<std::uint32_t, kBurst> due;
      std::size_t count = 0;
      for (; left > 0 && count < std::min<std::uint64_t>(kBurst, erasures); --left, --owed_) {
        const std::uint32_t i = cursor_;
        if (++cursor_ == fresh_) cursor_ = 0;
        if (due_[i] == 0 || static_cast<std::int32_t>(now - due_[i]) < 0) continue;
        __builtin_prefetch(&records_[i], 1);
        due[count++] = i;
      }
      std::size_t over = 0;
      for (std::size_t k = 0; k < count; ++k) {
        const Tick until = deadline(records_[due[k]]);
        if (static_cast<std::int32_t>(now - until) >= 0)
          due[over++] = due[k];
        else
          check_at(static_cast<std::int32_t>(due[k]), until);
      }
      expire({due.data(), over});
      erasures -= over;
    }
  }

  /// From now on `endings` hears; nullptr: nobody.
  void watch(Endings* endings) { endings_ = endings; }

  /// Grows with each insertion and removal: positions found before may be stale after.
  /// Shows what lies at places from `from` on, at most `budget` of them, until visit(key, record)
  /// returns false. Returns where to go on; kShown when that was all. Between two calls entries
  /// come and go, but none moves.
  static constexpr std::uint32_t kShown = UINT32_MAX;
  template <typename Visit>
  [[nodiscard]] std::uint32_t show(std::uint32_t from, std::uint32_t budget, Visit visit) const {
    const std::uint32_t end = from + std::min(budget, fresh_ - std::min(from, fresh_));
    for (std::uint32_t i = from; i < end; ++i) {
      if (due_[i] == 0) continue;
      if (!visit(std::span(key(i), words_), records_[i])) return i + 1;
    }
    return end >= fresh_ ? kShown : end;
  }

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
  static constexpr std::uint32_t kSlice = 1024;   ///< places looked at in a call, some 1 us
  static constexpr std::uint32_t kErasures = 64;  ///< in a call, or for each ms since the last

  /// A constant number of words lets the compiler unroll.
  template <typename Task>
  auto with_words(Task task) const {
    return words_ == kKeySizeV4 / 8 ? task(std::integral_constant<std::size_t, kKeySizeV4 / 8>{})
                                    : task(std::integral_constant<std::size_t, kKeySizeV6 / 8>{});
  }
  template <std::size_t Words>
  [[nodiscard]] bool is_key(std::int32_t position, const void* wanted) const;
  [[nodiscard]] const std::uint64_t* key(std::uint32_t i) const {
    return &keys_[std::size_t{i} * words_];
  }

  // A process can end between any two of its stores; the compiler must keep their order.
  void seal(std::uint32_t i) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    records_[i].seal = seal_of({key(i), words_}, records_[i]);
  }
  void unseal(std::uint32_t i) {
    records_[i].seal = 0;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  void link(std::uint32_t i, Stage stage);
  void unlink(std::uint32_t i);
  bool evict_oldest(Stage stage);
  void erase(std::uint32_t i, std::uint32_t hash);
  void expire(std::span<const std::uint32_t> places);

  Sizes sizes_;
  std::uint32_t words_;  ///< of a key
  Key128 secret_;
  FlowIndex index_;
  std::optional<Mapping> mapping_;
  std::optional<FixedArray<Connection>> own_records_;  ///< without a mapping
  std::optional<FixedArray<std::uint64_t>> own_keys_;  ///< without a mapping
  Connection* records_ = nullptr;
  std::uint64_t* keys_ = nullptr;
  FixedArray<Link> links_;  ///< of a free place: `next` is the next free one
  FixedArray<Tick> due_;    ///< 0: free
  std::uint32_t free_ = kEnd;
  std::uint32_t fresh_ = 0;  ///< from here on no place was ever taken
  std::array<List, 3> lists_;
  std::uint32_t cursor_ = 0;
  Tick swept_ = 0;
  std::uint32_t owed_ = 0;  ///< places that the sweep is behind
  std::uint32_t size_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t expired_ = 0;
  Endings* endings_ = nullptr;
};

}  // namespace mitibox
