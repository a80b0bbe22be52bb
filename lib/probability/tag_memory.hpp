// SPDX-License-Identifier: BSD-3-Clause
/// A fixed memory of hashes and when they were met, four bytes each.
#pragma once

#include <rte_prefetch.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

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
///   fingerprint : 16 | flag : 1 | clock : 15
///
/// and 0 is an empty place. The flag selects one of two spans. When a set is full its oldest tag
/// goes.
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
    const Look look = survey(set, hash, now);
    std::memcpy(set.words, look.alive, sizeof set.words);
    set.words[kStamp] = stamp(now);
    place.found = look.hit != 0;
    place.lane = static_cast<std::uint8_t>(place.found ? look.hit - 1 : look.victim & 15U);
    if (place.found) {
      const std::uint32_t tag = set.words[place.lane];
      place.flagged = (tag & kFlag) != 0;
      place.age = age_of(tag, now) << kShift[place.flagged ? 1 : 0];
    } else {
      place.victim_age = look.victim >> 4U;
    }
    return place;
  }

  /// Writes the hash's tag, with the present time, where locate found it or a place for it.
  void store(const Place& place, std::uint64_t hash, bool flagged, Now now) {
    if (!place.found && place.victim_age != kFree) note_eviction(place.victim_age, now);
    const std::uint32_t clock = now.tick >> kShift[flagged ? 1 : 0];
    sets_[place.set].words[place.lane] =
        fingerprint(hash) << 16U | (flagged ? kFlag : 0U) | (clock & kClockMask);
  }

  /// As locate(...).found, changing nothing.
  [[nodiscard]] bool contains(std::uint64_t hash, Now now) const {
    return survey(sets_[slot_of(hash, sets_.size())], hash, now).hit != 0;
  }

  /// The age in ms at which live tags have to go, smoothed; UINT32_MAX when none had to for a
  /// minute.
  [[nodiscard]] std::uint32_t eviction_age(Now now) const {
    return now.time < evicted_until_ ? evicted_age_ : UINT32_MAX;
  }

  [[nodiscard]] std::uint32_t last_eviction_age() const {
    return __atomic_load_n(&evicted_age_, __ATOMIC_RELAXED);
  }

 private:
  static constexpr std::uint32_t kFlag = 0x8000;
  static constexpr std::uint32_t kClockMask = 0x7fff;
  static constexpr std::size_t kStamp = kWays;
  static constexpr unsigned kStampShift = 28;     // ns
  static constexpr std::uint32_t kStampMs = 268;  // rounded down

  static constexpr bool unambiguous(TagSpan span) {
    const std::uint64_t wrap = (std::uint64_t{kClockMask} + 1) << span.shift;
    const std::uint64_t coarseness = 2 * (kStampMs + 1) + (1U << span.shift);
    // The gap is known from below, short of the truth by under 1 % and two stamps.
    return span.lifetime % (1U << span.shift) == 0 && span.lifetime < kFree &&
           2 * std::uint64_t{span.lifetime} + span.lifetime / 100 + coarseness < wrap;
  }
  static_assert(unambiguous(kPlain) && unambiguous(kFlagged));
  static constexpr std::array<unsigned, 2> kShift{kPlain.shift, kFlagged.shift};

  /// All ones where a word is a tag, 0 where it is the stamp.
  static constexpr std::array<std::uint32_t, kWays + 1> kLane = [] {
    std::array<std::uint32_t, kWays + 1> lanes{};
    for (std::size_t i = 0; i < kWays; ++i) lanes[i] = UINT32_MAX;
    return lanes;
  }();

  struct alignas(64) Set {
    std::uint32_t words[kWays + 1];
  };
  static_assert(sizeof(Set) == 64);

  struct Look {
    std::uint32_t alive[kWays + 1];  ///< the words, 0 in place of what has expired
    std::uint32_t hit = 0;           ///< lane + 1; 0: absent
    std::uint32_t victim = 0;        ///< age << 4 | lane of a free place or the oldest tag
  };

  static std::size_t set_count(std::uint32_t entries) {
    return std::max<std::size_t>(1, (std::size_t{entries} + kWays - 1) / kWays);
  }
  static std::uint32_t fingerprint(std::uint64_t hash) {
    return std::max(1U, static_cast<std::uint32_t>(hash & 0xffffU));  // a tag is never 0
  }
  static std::uint32_t stamp(Now now) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(now.time.count()) >> kStampShift);
  }
  static std::uint32_t age_of(std::uint32_t tag, Now now) {
    const std::uint32_t clock = now.tick >> kShift[(tag & kFlag) != 0 ? 1 : 0];
    return (clock - tag) & kClockMask;
  }

  static constexpr std::uint32_t pick(std::uint32_t mask, std::uint32_t ones, std::uint32_t zeros) {
    return (ones & mask) | (zeros & ~mask);
  }

  // Masks instead of branches, so that compilers work on whole vectors of lanes.
  static Look survey(const Set& set, std::uint64_t hash, Now now) {
    // At least this many ms: between two stamps one less of their periods may have passed.
    const std::uint32_t stamps = stamp(now) - set.words[kStamp];
    const std::uint64_t gap = stamps == 0 ? 0 : (stamps - std::uint64_t{1}) * kStampMs;
    // Ages from here on are too old.
    const auto limit = [&](TagSpan span) {
      return gap > span.lifetime ? 0 : (span.lifetime >> span.shift) + 1;
    };
    const std::uint32_t plain_limit = limit(kPlain);
    const std::uint32_t flagged_limit = limit(kFlagged);
    const std::uint32_t plain_now = now.tick >> kPlain.shift;
    const std::uint32_t flagged_now = now.tick >> kFlagged.shift;
    const std::uint32_t wanted = fingerprint(hash);
    Look look;
    std::uint32_t hit = 0;
    std::uint32_t victim = 0;
    for (std::uint32_t i = 0; i <= kWays; ++i) {
      const std::uint32_t tag = set.words[i];
      const std::uint32_t flagged = 0U - (tag >> 15U & 1U);
      const std::uint32_t age = (pick(flagged, flagged_now, plain_now) - tag) & kClockMask;
      // Both below 2^16: the difference's sign tells the smaller.
      const std::uint32_t young = 0U - ((age - pick(flagged, flagged_limit, plain_limit)) >> 31U);
      const std::uint32_t live =
          young & (0U - static_cast<std::uint32_t>(tag > 0xffffU)) & kLane[i];
      look.alive[i] = tag & live;
      const std::uint32_t same = 0U - static_cast<std::uint32_t>(tag >> 16U == wanted);
      hit = std::max(hit, live & same & (i + 1));
      const std::uint32_t ms = pick(flagged, age << kFlagged.shift, age << kPlain.shift);
      victim = std::max(victim, (pick(live, ms, kFree) << 4U | i) & kLane[i]);
    }
    look.hit = hit;
    look.victim = victim;
    return look;
  }

  void note_eviction(std::uint32_t age, Now now) {
    // On the average, or one overfull set would speak for all.
    const std::int64_t last =
        now.time < evicted_until_ ? average_ : std::int64_t{kPlain.lifetime} << kSmooth;
    average_ = last + age - (last >> kSmooth);
    __atomic_store_n(&evicted_age_, static_cast<std::uint32_t>(average_ >> kSmooth),
                     __ATOMIC_RELAXED);
    evicted_until_ = now.time + std::chrono::minutes(1);
  }
  static constexpr unsigned kSmooth = 6;  ///< over 64 evictions or so

  FixedArray<Set> sets_;
  std::int64_t average_ = 0;                ///< of the ages, shifted by kSmooth
  std::uint32_t evicted_age_ = UINT32_MAX;  ///< control: ro
  Time evicted_until_{};
};

}  // namespace mitibox
