// SPDX-License-Identifier: BSD-3-Clause
/// Whom the LAN addressed over UDP lately: their datagrams are answers, at worst late ones, and
/// never evidence.
#pragma once

#include <cstdint>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "packet/address.hpp"
#include "probability/tag_memory.hpp"

namespace mitibox {

/// Owned by one lcore. Fixed memory of 4-byte tags; a forgotten peer is merely judged as anyone.
/// Only the LAN writes to it, so nobody outside can displace a peer. Nothing to sweep.
class Peers {
 public:
  static constexpr Time kWindow = std::chrono::minutes(10);

  /// Throws std::runtime_error naming the table and its size when memory is short.
  Peers(const Secrets& secrets, std::uint32_t entries)
      : key_(secrets.sketch), memory_(entries, {"peers", "tables.connections"}) {}

  /// The LAN sent a datagram to this outside address.
  void addressed(const Address& outside, Now now) {
    const std::uint64_t hash = hash_of(outside);
    memory_.store(memory_.locate(hash, now), hash, false, now);
  }
  /// Whether it did within the last ten minutes (to within 64 ms).
  [[nodiscard]] bool recent(const Address& outside, Now now) const {
    return memory_.contains(hash_of(outside), now);
  }

  static std::size_t memory_bytes(std::uint32_t entries) { return Memory::memory_bytes(entries); }

 private:
  static constexpr TagSpan kSpan{6, 600'000};
  static_assert(std::chrono::milliseconds(kSpan.lifetime) == kWindow);
  using Memory = TagMemory<kSpan, kSpan>;

  // The third word keeps these hashes apart from those of the sketch of unproven evidence.
  [[nodiscard]] std::uint64_t hash_of(const Address& a) const {
    return siphash13_of(key_, a.high(), a.low(), 1U);
  }

  Key128 key_;
  Memory memory_;
};

}  // namespace mitibox
