// SPDX-License-Identifier: BSD-3-Clause
/// A fixed memory of hashes and when they were met, four bytes each.
#pragma once

#include <rte_prefetch.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#ifdef __SSE4_1__
#include <smmintrin.h>
#endif

#include "base/time.hpp"
#include "probability/fixed_array.hpp"

namespace mitibox {

/// How long a kind of tag lives, and how finely it tells the time.
struct TagSpan {
  unsigned shift;          ///< its clock ticks every 2^shift ms
  std::uint32_t lifetime;  ///< ms, a multiple of the tick
};

/// Owned by one lcore. Sets of one cache line: 15 tags and the time at which the set was last
/// looked through. A hash selects the set (bits 16..47) and the fingerprint (bits 0..15); callers
/// key it. A tag is
///
///   fingerprint : 16, flag : 1 | clock : 15
///
/// and fingerprint 0 is an empty place. The flag selects one of two spans. When a set is full its
/// oldest tag goes.
///
/// No tag is mistaken for a young one after its clock wrapped (period W = 2^15 ticks), and nobody
/// need sweep: each look clears the expired tags (age > L) of its set and stamps it, so what is
/// left had age <= L at the stamp. With a gap g since the stamp every tag has an age in g..L+g.
/// If g > L all are expired and go unread. Otherwise the age is at most 2 L plus the stamp's
/// coarseness, and unambiguous as long as that is below W: asserted below. The stamp itself has 32
/// bits of 2^28 ns and wraps after 36 years.
template <TagSpan kPlain, TagSpan kFlagged>
class TagMemory {
 public:
  static constexpr std::size_t kWays = 15;

  /// Where a hash is, or would go. Valid until the next call of locate or store.
  struct Place {
    std::uint32_t set = 0;
    std::uint8_t lane = 0;
    bool found = false;
    bool flagged = false;          ///< of the tag found
    std::uint32_t age = 0;         ///< ms since the tag found was written
    std::uint32_t victim_age = 0;  ///< not found: age of the live tag that would go; or kFree
  };
  static constexpr std::uint32_t kFree = 0xfffff;

  /// Room for at least `entries` tags. Throws std::runtime_error when memory is short.
  TagMemory(std::uint32_t entries, const TableName& name) : sets_(set_count(entries), name) {}

  static std::size_t memory_bytes(std::uint32_t entries) {
    return set_count(entries) * sizeof(Set);
  }

  void prefetch(std::uint64_t hash) const { rte_prefetch0(&sets_[slot_of(hash, sets_.size())]); }

  /// Clears what has expired in the hash's set and looks for it.
  Place locate(std::uint64_t hash, Now now) {
    Place place;
    place.set = static_cast<std::uint32_t>(slot_of(hash, sets_.size()));
    Set& set = sets_[place.set];
    const Clocks clocks(now, set);
    const Look look = survey(set, fingerprint(hash), clocks);
    set.clear(look);
    set.stamp(stamp(now));
    if (const unsigned hit = look.same & look.alive; hit != 0) {
      place.found = true;
      place.lane = lowest(hit);
      const std::uint16_t clock = set.clocks[place.lane];
      place.flagged = (clock & kFlag) != 0;
      place.age = clocks.ms(clock);
    } else if (look.alive != kTags) {
      place.lane = lowest(kTags & ~look.alive);
      place.victim_age = kFree;
    } else {
      place.lane = oldest(set, clocks);
      place.victim_age = clocks.ms(set.clocks[place.lane]);
    }
    return place;
  }

  /// Writes the hash's tag, with the present time, where locate found it or a place for it.
  void store(const Place& place, std::uint64_t hash, bool flagged, Now now) {
    if (!place.found) {
      if (place.victim_age != kFree)
        note_eviction(place.victim_age, now);
      else if (evicted_age_ != UINT32_MAX && now.time >= evicted_until_)
        publish(UINT32_MAX);
    }
    const std::uint32_t clock = now.tick >> kShift[flagged ? 1 : 0] & kClockMask;
    Set& set = sets_[place.set];
    set.prints[place.lane] = fingerprint(hash);
    set.clocks[place.lane] = static_cast<std::uint16_t>(clock | (flagged ? kFlag : 0U));
  }

  /// As locate(...).found, changing nothing.
  [[nodiscard]] bool contains(std::uint64_t hash, Now now) const {
    const Set& set = sets_[slot_of(hash, sets_.size())];
    const Look look = survey(set, fingerprint(hash), Clocks(now, set));
    return (look.same & look.alive) != 0;
  }

  /// The age in ms at which live tags have to go, smoothed; UINT32_MAX when none had to for a
  /// minute.
  [[nodiscard]] std::uint32_t eviction_age(Now now) const {
    return now.time < evicted_until_ ? evicted_age_ : UINT32_MAX;
  }

  /// As eviction_age() when a tag was last stored where none was before. Any thread.
  [[nodiscard]] std::uint32_t last_eviction_age() const {
    return __atomic_load_n(&evicted_age_, __ATOMIC_RELAXED);
  }

 private:
  static constexpr std::uint32_t kFlag = 0x8000;
  static constexpr std::uint32_t kClockMask = 0x7fff;
  static constexpr unsigned kTags = (1U << kWays) - 1;  ///< a bit for each
  static constexpr unsigned kStampShift = 28;           // ns
  static constexpr std::uint32_t kStampMs = 268;        // rounded down

  static constexpr unsigned kFiner = std::min(kPlain.shift, kFlagged.shift);

  static constexpr bool unambiguous(TagSpan span) {
    const std::uint64_t wrap = (std::uint64_t{kClockMask} + 1) << span.shift;
    const std::uint64_t coarseness = 2 * (kStampMs + 1) + (1U << span.shift);
    // The gap is known from below, short of the truth by under 1 % and two stamps.
    return span.lifetime % (1U << span.shift) == 0 && span.lifetime < kFree &&
           span.lifetime >> kFiner < 0x10000 &&
           2 * std::uint64_t{span.lifetime} + span.lifetime / 100 + coarseness < wrap;
  }
  static_assert(unambiguous(kPlain) && unambiguous(kFlagged));
  static constexpr std::array<unsigned, 2> kShift{kPlain.shift, kFlagged.shift};
  static constexpr std::array<std::uint32_t, 2> kLifetime{kPlain.lifetime, kFlagged.lifetime};

  struct Look {
    // A bit for each lane; only those of kTags mean anything.
    unsigned alive = 0;                                       ///< neither empty nor expired
    unsigned same = 0;                                        ///< with the fingerprint sought
    alignas(16) std::array<std::uint16_t, kWays + 1> living;  ///< all ones where alive
  };

  /// The last lane is the stamp's.
  struct alignas(64) Set {
    std::array<std::uint16_t, kWays + 1> prints;
    std::array<std::uint16_t, kWays + 1> clocks;

    [[nodiscard]] std::uint32_t stamp() const {
      return std::uint32_t{clocks[kWays]} << 16U | prints[kWays];
    }
    void stamp(std::uint32_t stamp) {
      prints[kWays] = static_cast<std::uint16_t>(stamp);
      clocks[kWays] = static_cast<std::uint16_t>(stamp >> 16U);
    }
    /// Empties what is not alive.
    void clear(const Look& look) {
      for (std::size_t i = 0; i < prints.size(); ++i) prints[i] &= look.living[i];
    }
  };
  static_assert(sizeof(Set) == 64);

  /// The time as tags of each kind count it, and the ages from which on they are too old.
  struct Clocks {
    std::array<std::uint16_t, 2> now;
    std::array<std::uint16_t, 2> limit;

    Clocks(Now t, const Set& set) {
      // At least this many ms: between two stamps one less of their periods may have passed.
      const std::uint32_t stamps = TagMemory::stamp(t) - set.stamp();
      const std::uint64_t gap = stamps == 0 ? 0 : (stamps - std::uint64_t{1}) * kStampMs;
      for (std::size_t i = 0; i < 2; ++i) {
        now[i] = static_cast<std::uint16_t>(t.tick >> kShift[i] & kClockMask);
        limit[i] =
            static_cast<std::uint16_t>(gap > kLifetime[i] ? 0 : (kLifetime[i] >> kShift[i]) + 1);
      }
    }
    [[nodiscard]] std::uint32_t age(std::uint16_t clock) const {
      return static_cast<std::uint32_t>(now[clock >> 15U] - clock) & kClockMask;
    }
    [[nodiscard]] std::uint32_t ms(std::uint16_t clock) const {
      return age(clock) << kShift[clock >> 15U];
    }
  };

  static std::uint8_t lowest(unsigned bits) {
    return static_cast<std::uint8_t>(std::countr_zero(bits));
  }
  static std::size_t set_count(std::uint32_t entries) {
    return std::max<std::size_t>(1, (std::size_t{entries} + kWays - 1) / kWays);
  }
  static std::uint16_t fingerprint(std::uint64_t hash) {
    return std::max<std::uint16_t>(1, static_cast<std::uint16_t>(hash));  // never 0
  }
  static std::uint32_t stamp(Now now) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(now.time.count()) >> kStampShift);
  }

#ifdef __SSE4_1__
  static __m128i eight(std::uint16_t word) {
    return _mm_set1_epi16(static_cast<short>(word));
  }
  static __m128i load(const std::array<std::uint16_t, kWays + 1>& words, std::size_t half) {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(words.data()) + half);
  }

  static Look survey(const Set& set, std::uint16_t wanted, const Clocks& c) {
    Look look;
    __m128i alive[2];
    __m128i same[2];
    for (std::size_t half = 0; half < 2; ++half) {
      const __m128i prints = load(set.prints, half);
      const __m128i clocks = load(set.clocks, half);
      const __m128i flagged = _mm_srai_epi16(clocks, 15);
      const auto pick = [&](const std::array<std::uint16_t, 2>& of) {
        return _mm_blendv_epi8(eight(of[0]), eight(of[1]), flagged);
      };
      const __m128i age = _mm_and_si128(_mm_sub_epi16(pick(c.now), clocks), eight(kClockMask));
      const __m128i young = _mm_cmpgt_epi16(pick(c.limit), age);  // both below 2^15
      alive[half] = _mm_andnot_si128(_mm_cmpeq_epi16(prints, _mm_setzero_si128()), young);
      same[half] = _mm_cmpeq_epi16(prints, eight(wanted));
      _mm_store_si128(reinterpret_cast<__m128i*>(look.living.data()) + half, alive[half]);
    }
    const auto bits = [](__m128i low, __m128i high) {
      return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(low, high))) & kTags;
    };
    look.alive = bits(alive[0], alive[1]);
    look.same = bits(same[0], same[1]);
    return look;
  }

  /// The lane whose tag has lived longest, all being alive.
  static std::uint8_t oldest(const Set& set, const Clocks& c) {
    std::array<std::uint32_t, 2> least;
    for (std::size_t half = 0; half < 2; ++half) {
      const __m128i clocks = load(set.clocks, half);
      const __m128i flagged = _mm_srai_epi16(clocks, 15);
      const __m128i now = _mm_blendv_epi8(eight(c.now[0]), eight(c.now[1]), flagged);
      const __m128i age = _mm_and_si128(_mm_sub_epi16(now, clocks), eight(kClockMask));
      // In ticks of the finer clock.
      const __m128i ticks = _mm_blendv_epi8(_mm_slli_epi16(age, kShift[0] - kFiner),
                                            _mm_slli_epi16(age, kShift[1] - kFiner), flagged);
      __m128i youth = _mm_xor_si128(ticks, eight(0xffff));
      if (half == 1) youth = _mm_insert_epi16(youth, -1, 7);  // the stamp
      // In its lower half the least word, above it where that is.
      least[half] = static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_minpos_epu16(youth)));
    }
    const bool lower = (least[0] & 0xffffU) <= (least[1] & 0xffffU);
    return static_cast<std::uint8_t>(lower ? least[0] >> 16U : 8 + (least[1] >> 16U));
  }
#else
  static Look survey(const Set& set, std::uint16_t wanted, const Clocks& c) {
    Look look;
    for (std::size_t i = 0; i < kWays; ++i) {
      const std::uint16_t clock = set.clocks[i];
      const bool alive = set.prints[i] != 0 && c.age(clock) < c.limit[clock >> 15U];
      look.living[i] = alive ? 0xffff : 0;
      look.alive |= (alive ? 1U : 0U) << i;
      look.same |= (set.prints[i] == wanted ? 1U : 0U) << i;
    }
    return look;
  }

  /// The lane whose tag has lived longest, all being alive.
  static std::uint8_t oldest(const Set& set, const Clocks& c) {
    std::size_t found = 0;
    for (std::size_t i = 1; i < kWays; ++i)
      if (c.ms(set.clocks[i]) > c.ms(set.clocks[found])) found = i;
    return static_cast<std::uint8_t>(found);
  }
#endif

  void note_eviction(std::uint32_t age, Now now) {
    // On the average, or one overfull set would speak for all.
    const std::int64_t last =
        now.time < evicted_until_ ? average_ : std::int64_t{kPlain.lifetime} << kSmooth;
    average_ = last + age - (last >> kSmooth);
    publish(static_cast<std::uint32_t>(average_ >> kSmooth));
    evicted_until_ = now.time + std::chrono::minutes(1);
  }
  void publish(std::uint32_t age) {
    __atomic_store_n(&evicted_age_, age, __ATOMIC_RELAXED);
  }
  static constexpr unsigned kSmooth = 6;  ///< over 64 evictions or so

  FixedArray<Set> sets_;
  std::int64_t average_ = 0;                ///< of the ages, shifted by kSmooth
  std::uint32_t evicted_age_ = UINT32_MAX;  ///< control: ro
  Time evicted_until_{};
};

}  // namespace mitibox
