// SPDX-License-Identifier: BSD-3-Clause
/// From keyed hashes to positions: buckets of one cache line, chained where one overflows.
#pragma once

#include <rte_prefetch.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "probability/fixed_array.hpp"

namespace mitibox {

/// Owned by one lcore. Knows no keys: who asks compares them. Nothing moves when it grows, so an
/// entry costs the same at every occupancy; the hash is keyed, so nobody can fill one bucket.
class FlowIndex {
 public:
  static constexpr std::int32_t kNone = -1;

  /// Throws std::runtime_error naming the table, its size and the option when memory is short.
  FlowIndex(const TableName& name, std::uint32_t capacity);

  /// The bucket where all entries of this hash begin.
  [[nodiscard]] std::uint32_t home(std::uint32_t hash) const {
    return static_cast<std::uint32_t>(std::uint64_t{hash} * homes_ >> 32U);
  }
  [[nodiscard]] std::uint32_t homes() const { return homes_; }

  void prefetch(std::uint32_t hash) const { rte_prefetch0(&buckets_[home(hash)]); }

  /// What is probably the position of this hash, if it is there at all.
  [[nodiscard]] std::int32_t candidate(std::uint32_t hash) const {
    const Bucket& b = buckets_[home(hash)];
    if (const unsigned found = b.tagged(tag_of(hash)); found != 0) [[likely]]
      return static_cast<std::int32_t>(b.positions[lowest(found)]);
    return b.next == 0 ? kNone : find(hash, [](std::int32_t) { return true; });
  }

  /// The position of this hash for which `same(position)` holds.
  template <typename Same>
  [[nodiscard]] std::int32_t find(std::uint32_t hash, Same same) const {
    const std::uint8_t tag = tag_of(hash);
    for (const Bucket* b = &buckets_[home(hash)];; b = &buckets_[b->next]) {
      for (unsigned found = b->tagged(tag); found != 0; found &= found - 1) {
        const auto at = static_cast<std::int32_t>(b->positions[lowest(found)]);
        if (same(at)) return at;
      }
      if (b->next == 0) return kNone;
    }
  }

  /// False when there is no bucket left to chain; the position must not be there yet.
  bool insert(std::uint32_t hash, std::uint32_t position);
  /// Whether it was there.
  bool erase(std::uint32_t hash, std::uint32_t position);

  /// Bytes of rte memory.
  static std::size_t memory_bytes(std::uint32_t capacity);

 private:
  static constexpr std::size_t kSlots = 12;
  static constexpr unsigned kAll = (1U << kSlots) - 1;

  static std::size_t lowest(unsigned bits) {
    return static_cast<std::size_t>(std::countr_zero(bits));
  }

  /// A tag is 0 where the slot is free. `next` is 0 at the end of a chain: bucket 0 is a home.
  struct alignas(64) Bucket {
    std::array<std::uint8_t, kSlots> tags;
    std::uint32_t next;
    std::array<std::uint32_t, kSlots> positions;

    /// A bit for each slot with this tag.
    [[nodiscard]] unsigned tagged(std::uint8_t tag) const {
#ifdef __SSE2__
      const auto all = _mm_load_si128(reinterpret_cast<const __m128i*>(this));
      const auto equal = _mm_cmpeq_epi8(all, _mm_set1_epi8(static_cast<char>(tag)));
      return static_cast<unsigned>(_mm_movemask_epi8(equal)) & kAll;
#else
      unsigned found = 0;
      for (std::size_t i = 0; i < kSlots; ++i) found |= (tags[i] == tag ? 1U : 0U) << i;
      return found;
#endif
    }
  };
  static_assert(sizeof(Bucket) == 64, "one cache line a look-up");

  static constexpr std::uint8_t tag_of(std::uint32_t hash) {
    // The lowest bits: home() takes the uppermost.
    const auto tag = static_cast<std::uint8_t>(hash);
    return tag == 0 ? 1 : tag;
  }
  static std::uint32_t homes_for(std::uint32_t capacity);
  static std::uint32_t spares_for(std::uint32_t homes);

  std::uint32_t homes_;
  std::uint32_t spare_;  ///< the first of the spare buckets, chained; 0: none
  FixedArray<Bucket> buckets_;
};

}  // namespace mitibox
