// SPDX-License-Identifier: BSD-3-Clause
#include "probability/probability.hpp"

#include <algorithm>
#include <array>

namespace mitibox {

namespace {

std::uint64_t hash_flow(Key128 key, const Packet& p) {
  const auto& w = p.key.words;
  return p.family == Family::v4 ? siphash13_of(key, w[0], w[1])
                                : siphash13_of(key, w[0], w[1], w[2], w[3], w[4]);
}

std::uint64_t hash_attempt(Key128 key, const Packet& p, std::uint64_t nonce) {
  const auto& w = p.key.words;
  return p.family == Family::v4 ? siphash13_of(key, w[0], w[1], nonce)
                                : siphash13_of(key, w[0], w[1], w[2], w[3], w[4], nonce);
}

/// The number of the period in which `time` lies, the periods starting at -(phase modulo period).
std::uint64_t period_index(Time time, Time period, std::uint64_t phase) {
  const auto length = static_cast<std::uint64_t>(period.count());
  return (static_cast<std::uint64_t>(time.count()) + phase % length) / length;
}

}  // namespace

Probability::Probability(const Policy& policy, const Secrets& secrets, std::uint32_t memory_entries)
    : coin_(secrets.coin),
      retransmission_(secrets.retransmission),
      phase_(secrets.phase),
      drop_(policy.probability.drop) {
  if (policy.probability.retransmission == Policy::Retransmission::admit)
    memory_.emplace(memory_entries, TableName{"retransmissions", "tables.retransmissions"});
}

Probability::Draw Probability::draw(const Packet& opening, Now now) const {
  if (opening.protocol == protocol::kTcp) {
    // One hash serves both: a coin that fell leaves its lower bits uniform.
    const std::uint64_t attempt = hash_attempt(coin_, opening, opening.sequence);
    return {attempt, attempt};
  }
  const std::uint64_t epoch = period_index(now.time, kEpoch, hash_flow(phase_, opening));
  return {hash_attempt(coin_, opening, epoch), hash_flow(retransmission_, opening)};
}

Probability::Outcome Probability::judge(const Packet& opening, Now now) {
  return decide(draw(opening, now), now);
}

void Probability::draw(std::span<const Packet* const> openings, Now now,
                       std::span<Draw> draws) const {
  // Nearly all are TCP over IPv4: their hashes are taken at once.
  std::array<std::array<std::uint64_t, kBurst>, 3> columns;
  std::array<std::uint8_t, kBurst> places;
  std::array<std::uint64_t, kBurst> hashes;
  std::size_t n = 0;
  for (std::size_t i = 0; i < openings.size(); ++i) {
    const Packet& p = *openings[i];
    if (p.protocol != protocol::kTcp || p.family != Family::v4) {
      draws[i] = draw(p, now);
      continue;
    }
    columns[0][n] = p.key.words[0];
    columns[1][n] = p.key.words[1];
    columns[2][n] = p.sequence;
    places[n++] = static_cast<std::uint8_t>(i);
  }
  siphash_columns<1, 3>(coin_, columns, n, hashes);
  for (std::size_t k = 0; k < n; ++k) draws[places[k]] = {hashes[k], hashes[k]};
  if (!memory_) return;
  for (const Draw& d : draws.first(openings.size()))
    if (flooded_ || drop_.takes(d.attempt)) memory_->prefetch(d.remember);
}

void Probability::judge(std::span<const Draw> draws, Now now, std::span<Outcome> outcomes) {
  for (std::size_t i = 0; i < draws.size(); ++i) outcomes[i] = decide(draws[i], now);
}

Probability::Outcome Probability::decide(const Draw& draw, Now now) {
  if (flooded_) [[unlikely]] {
    if (memory_->eviction_age(now) <= kCalmAbove) return decide_in_flood(draw, now);
    flooded_ = false;
  }
  if (!drop_.takes(draw.attempt)) return Outcome::admit;
  return memory_ ? decide_remembered(draw, now) : Outcome::coin;
}

Probability::Outcome Probability::decide_remembered(const Draw& draw, Now now) {
  const Memory::Place place = memory_->locate(draw.remember, now);
  if (!place.found) {
    memory_->store(place, draw.remember, false, now);
    flooded_ = memory_->eviction_age(now) < kFloodBelow;
    return Outcome::coin;
  }
  if (place.flagged) return Outcome::admit;
  if (place.age < kSoonest) return Outcome::repeat;
  memory_->store(place, draw.remember, true, now);
  return Outcome::admit;
}

Probability::Outcome Probability::decide_in_flood(const Draw& draw, Now now) {
  const Memory::Place place = memory_->locate(draw.remember, now);
  if (place.found && place.flagged) return Outcome::admit;
  const bool repeated = place.found && place.age >= kSoonest;
  const std::uint64_t slot = period_index(now.time, kSlot, draw.attempt);
  if (!repeated && drop_.takes_in_turn(siphash13_of(retransmission_, draw.attempt), slot))
    return Outcome::coin;
  memory_->store(place, draw.remember, true, now);
  return Outcome::admit;
}

std::uint32_t Probability::eviction_age(Now now) const {
  return memory_ ? memory_->eviction_age(now) : UINT32_MAX;
}

std::size_t Probability::memory_bytes(std::uint32_t entries) {
  return Memory::memory_bytes(entries);
}

}  // namespace mitibox
