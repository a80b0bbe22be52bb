// SPDX-License-Identifier: BSD-3-Clause
/// Probability: drops a share of the connection attempts, the same way for all packets of one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "probability/share.hpp"
#include "probability/tag_memory.hpp"

namespace mitibox {

/// Owned by one lcore. Nothing to sweep.
///
/// An attempt is: TCP: flow + ISN; everything else: flow in an epoch of 60 s whose phase is keyed
/// per flow. Its coin is a pure function of the attempt and the key. With `admit`, an attempt that
/// the coin dropped is let on when it is repeated 0.7 to 10 s after its first packet, and stays
/// admitted for 60 s; with `hold` (the paper) it never is. The memory knows flows other than TCP
/// without their epoch, so that a repeat beyond its end counts as one.
///
/// In a flood, when the memory forgets first packets before a client would repeat them (live tags
/// evicted younger than 3 s on the average; over when older than 6 s, or none for a minute), a coin
/// per attempt and slot of 1 s, with a phase keyed per attempt, takes the place of the other: a
/// first packet passes with the same probability, repeats within a slot share its coin, and the
/// slots take turns: with `drop` 1/2 what falls in one passes in the next, which is where a
/// client's first repetition lies. What passes is remembered as admitted as long as the memory
/// lasts.
class Probability {
 public:
  enum class Outcome : std::uint8_t {
    admit,   ///< on to Trust
    coin,    ///< dropped: first packet of the attempt, or any under `hold` and in a flood
    repeat,  ///< dropped: repeated too soon
  };

  static constexpr std::uint32_t kSoonest = 700;      ///< ms after the first packet
  static constexpr std::uint32_t kLatest = 10'000;    ///< ms after the first packet
  static constexpr std::uint32_t kAdmitted = 60'000;  ///< ms after admission, to within 4 ms
  static constexpr Time kEpoch = std::chrono::seconds(60);
  static constexpr Time kSlot = std::chrono::seconds(1);
  static constexpr std::uint32_t kFloodBelow = 3'000;  ///< ms of eviction_age
  static constexpr std::uint32_t kCalmAbove = 6'000;   ///< ms of eviction_age

  /// `memory_entries`: size of the retransmission memory of this lcore (policy
  /// tables.retransmissions over the number of lcores); not used with `hold`. Throws
  /// std::runtime_error naming the table, its size and the option when memory is short.
  Probability(const Policy& policy, const Secrets& secrets, std::uint32_t memory_entries);

  /// Judges an inbound opening packet (`key`, `family`, `protocol`, and for TCP `sequence` are
  /// read). Not const: the memory learns.
  Outcome judge(const Packet& opening, Now now);

  /// The coin of one attempt.
  struct Draw {
    std::uint64_t attempt = 0;   ///< keyed hash of the attempt, the coin
    std::uint64_t remember = 0;  ///< keyed hash under which the memory knows it
  };

  /// Draws for at most kBurst opening packets, none of them null, and fetches the memory that judge
  /// will want: the earlier before it, the better. `draws` is as long.
  void draw(std::span<const Packet* const> openings, Now now, std::span<Draw> draws) const;

  /// As judge of the packets for which these were drawn, in turn. `outcomes` is as long.
  void judge(std::span<const Draw> draws, Now now, std::span<Outcome> outcomes);

  /// The share of attempts that are dropped, from now on.
  void set_drop(Share drop) { drop_ = drop; }

  /// Whether no attempt is ever dropped: then nothing need be drawn.
  [[nodiscard]] bool never() const { return drop_.never(); }

  /// The age in milliseconds at which unexpired tags have to be evicted, smoothed; UINT32_MAX when
  /// none had to for a minute. Falls under 3000 in a flood.
  [[nodiscard]] std::uint32_t eviction_age(Now now) const;

  /// As above, at the last first packet that was dropped. Any thread.
  [[nodiscard]] std::uint32_t last_eviction_age() const {
    return memory_ ? memory_->last_eviction_age() : UINT32_MAX;
  }

  /// Whether the stateless rule is in force.
  [[nodiscard]] bool flooded() const { return flooded_; }

  /// Bytes that a memory of `entries` takes.
  static std::size_t memory_bytes(std::uint32_t entries);

 private:
  // A plain tag is a dropped first packet, a flagged one an admitted attempt.
  using Memory = TagMemory<TagSpan{0, kLatest}, TagSpan{2, kAdmitted}>;

  [[nodiscard]] Draw draw(const Packet& opening, Now now) const;
  Outcome decide(const Draw& draw, Now now);
  Outcome decide_remembered(const Draw& draw, Now now);
  Outcome decide_in_flood(const Draw& draw, Now now);

  Key128 coin_;
  Key128 retransmission_;
  Key128 phase_;
  Share drop_;
  bool flooded_ = false;
  std::optional<Memory> memory_;  ///< only with `admit`
};

}  // namespace mitibox
