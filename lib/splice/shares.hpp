// SPDX-License-Identifier: BSD-3-Clause
/// How many splices each client and each host has, so that none takes the room of all others.
#pragma once

#include <array>
#include <cstdint>

#include "base/siphash.hpp"
#include "packet/packet.hpp"
#include "trust/source.hpp"

namespace mitibox {

/// Counted by keyed hash: some share a place, and nobody knows with whom. Owned by one lcore.
class Shares {
 public:
  static constexpr std::uint32_t kPlaces = 8192;  ///< of each kind
  static constexpr std::uint16_t kOfSource = 64;  ///< most for one source
  static constexpr std::uint16_t kOfHost = 256;   ///< most for one host: a mute one holds them long

  struct Place {
    std::uint16_t source = 0;
    std::uint16_t host = 0;
  };

  Shares(Key128 key, const SourceMask& mask) : key_(key), mask_(mask) {}

  /// Of a segment from outside.
  [[nodiscard]] Place place(const Packet& segment) const {
    const Source client = mask_(segment.source());
    const Address host = segment.destination();
    return {of(client.high, client.low), of(host.high(), host.low())};
  }
  [[nodiscard]] bool room(Place at) const {
    return sources_[at.source] < kOfSource && hosts_[at.host] < kOfHost;
  }
  void take(Place at) {
    ++sources_[at.source];
    ++hosts_[at.host];
  }
  void give_back(Place at) {
    --sources_[at.source];
    --hosts_[at.host];
  }

 private:
  [[nodiscard]] std::uint16_t of(std::uint64_t high, std::uint64_t low) const {
    return static_cast<std::uint16_t>(siphash13_of(key_, high, low) % kPlaces);
  }

  Key128 key_;
  SourceMask mask_;
  std::array<std::uint16_t, kPlaces> sources_{};
  std::array<std::uint16_t, kPlaces> hosts_{};
};

}  // namespace mitibox
