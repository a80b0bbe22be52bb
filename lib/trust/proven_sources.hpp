// SPDX-License-Identifier: BSD-3-Clause
/// Proven evidence: sources that completed a forged handshake, in the order in which they last did.
#pragma once

#include <rte_prefetch.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/time.hpp"
#include "packet/packet.hpp"
#include "probability/fixed_array.hpp"
#include "trust/source.hpp"

struct rte_hash;

namespace mitibox {

/// Owned by one lcore. Bounded; when it is full the source that has been quiet longest goes.
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
    std::array<const void*, kBurst> keys;
    std::array<std::uint32_t, kBurst> signatures;
    std::array<std::int32_t, kBurst> positions;
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      keys[i] = &attempts[i].source;
      signatures[i] = static_cast<std::uint32_t>(attempts[i].hash);
    }
    find_all({keys.data(), attempts.size()}, signatures.data(), positions.data());
    for (std::size_t i = 0; i < attempts.size(); ++i)
      if (positions[i] >= 0) {
        attempts[i].proven = &records_[static_cast<std::uint32_t>(positions[i])].start;
        rte_prefetch0(attempts[i].proven);
      }
  }

  /// Start of the source's distrust; nullptr if it is unknown.
  [[nodiscard]] const Time* find(const Source& source, std::uint64_t hash) const;

  /// Sets the start, making room if need be. Returns what had to go for it: the start of the
  /// displaced source's distrust, or Time::max() if nothing had.
  Time put(const Source& source, std::uint64_t hash, Time start);

  /// Forgets sources whose distrust began at `before` or earlier, looking at no more than `budget`
  /// of those that have been quiet longest.
  void forget(Time before, std::uint32_t budget);

  [[nodiscard]] std::uint32_t size() const { return size_; }

  static std::size_t memory_bytes(std::uint32_t capacity);

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// At the index that rte_hash gave the source. The list runs from the quietest to the latest.
  struct Record {
    Time start;
    std::uint32_t before;
    std::uint32_t after;
  };
  static_assert(sizeof(Record) == 16);

  struct FreeHash {
    void operator()(rte_hash* h) const;
  };

  void find_all(std::span<const void*> keys, std::uint32_t* signatures,
                std::int32_t* positions) const;
  void link_last(std::uint32_t i);
  void unlink(std::uint32_t i);
  void erase(std::uint32_t i);

  Key128 key_;
  std::uint32_t capacity_;
  std::unique_ptr<rte_hash, FreeHash> index_;
  FixedArray<Record> records_;
  std::uint32_t first_ = kNone;
  std::uint32_t last_ = kNone;
  std::uint32_t size_ = 0;
};

}  // namespace mitibox
