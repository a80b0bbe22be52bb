// SPDX-License-Identifier: BSD-3-Clause
/// Proven evidence: sources that completed a forged handshake, in the order in which they last did.
#pragma once

#include <rte_prefetch.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/time.hpp"
#include "packet/packet.hpp"
#include "probability/fixed_array.hpp"
#include "tracker/flow_index.hpp"
#include "trust/schedule.hpp"
#include "trust/source.hpp"
#include "trust/trust_state.hpp"

namespace mitibox {

/// Owned by one lcore. Bounded; when it is full the source that has been quiet longest goes, but
/// for repeaters, whom forget() puts behind the others.
/// Callers pass the same keyed hash with a source each time; its lower 32 bits are used.
class ProvenSources {
 public:
  /// Throws std::runtime_error naming the table, its size and the option when memory is short.
  ProvenSources(std::uint32_t capacity, Key128 key, const std::string& name);
  ~ProvenSources();
  ProvenSources(const ProvenSources&) = delete;
  ProvenSources& operator=(const ProvenSources&) = delete;

  /// What every keyed hash of a source is.
  [[nodiscard]] std::uint64_t hash(const Source& source) const {
    return siphash13_of(key_, source.high, source.low);
  }

  /// As above, a column for the upper halves and one for the lower.
  void hash(std::array<std::array<std::uint64_t, kBurst>, 2>& columns, std::size_t count,
            std::array<std::uint64_t, kBurst>& hashes) const {
    siphash_columns<1, 3>(key_, columns, count, hashes);
  }

  /// Sets `proven` of at most kBurst attempts whose `source` and `hash` are set.
  template <typename Attempt>
  void find(std::span<Attempt> attempts) const {
    if (size_ == 0) return;
    for (const Attempt& a : attempts) index_.prefetch(signature(a.hash));
    for (const Attempt& a : attempts)
      if (const std::int32_t i = index_.candidate(signature(a.hash)); i >= 0)
        rte_prefetch0(&records_[static_cast<std::uint32_t>(i)]);
    for (Attempt& a : attempts)
      if (const std::int32_t i = position(a.source, a.hash); i >= 0)
        a.proven = &records_[static_cast<std::uint32_t>(i)];
  }

  /// nullptr if it is unknown.
  [[nodiscard]] const Distrusted* find(const Source& source, std::uint64_t hash) const;

  /// Sets start and repeats, making room if need be. Returns what had to go for it.
  std::optional<Distrusted> put(const Distrusted& distrusted, std::uint64_t hash);

  /// Returns whether it was known.
  bool remove(const Source& source, std::uint64_t hash);

  /// Forgets sources that are neutral, looking at no more than `budget` of those that have been
  /// quiet longest.
  void forget(Time now, const Schedule& schedule, std::uint32_t budget);

  [[nodiscard]] std::uint32_t size() const { return size_; }

  /// Copies sources in no order, looking at as many records as `out` has room for, from `cursor`
  /// (0 at first) on; returns how many. At the end `cursor` is UINT32_MAX. What changes between two
  /// calls may be missed or seen twice.
  std::size_t copy(std::uint32_t& cursor, std::span<SavedSource> out) const;

  static std::size_t memory_bytes(std::uint32_t capacity);

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr Time kFree = Time::min();  ///< `start` of a free record

  /// Apart from its links: two records a cache line.
  using Record = Distrusted;
  static_assert(sizeof(Record) == 32);
  /// The list runs from the quietest to the latest; free records are chained by `after`.
  struct Neighbours {
    std::uint32_t before;
    std::uint32_t after;
  };

  [[nodiscard]] std::int32_t position(const Source& source, std::uint64_t hash) const {
    return index_.find(signature(hash), [&](std::int32_t i) {
      return records_[static_cast<std::uint32_t>(i)].source == source;
    });
  }
  static std::uint32_t signature(std::uint64_t hash) { return static_cast<std::uint32_t>(hash); }
  void link_last(std::uint32_t i);
  void unlink(std::uint32_t i);
  void erase(std::uint32_t i);

  Key128 key_;
  std::uint32_t capacity_;
  FlowIndex index_;
  FixedArray<Record> records_;
  FixedArray<Neighbours> links_;
  std::uint32_t free_ = 0;
  std::uint32_t first_ = kNone;
  std::uint32_t last_ = kNone;
  std::uint32_t size_ = 0;
};

}  // namespace mitibox
