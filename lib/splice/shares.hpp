// SPDX-License-Identifier: BSD-3-Clause
/// How many splices each client and each host has, and how many segments wait in them, so that none
/// takes the room of all others.
#pragma once

#include <array>
#include <cstddef>
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

  static constexpr std::uint16_t kHeldOfSource = 128;  ///< segments, most for one source
  static constexpr std::uint16_t kHeldOfHost = 512;    ///< segments, most for one host

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

  /// Whether another segment may wait.
  [[nodiscard]] bool may_hold(Place at) const {
    return held_of_sources_[at.source] < kHeldOfSource && held_of_hosts_[at.host] < kHeldOfHost;
  }
  void hold(Place at) {
    ++held_of_sources_[at.source];
    ++held_of_hosts_[at.host];
  }
  void let_go(Place at, std::size_t segments) {
    held_of_sources_[at.source] -= static_cast<std::uint16_t>(segments);
    held_of_hosts_[at.host] -= static_cast<std::uint16_t>(segments);
  }

 private:
  [[nodiscard]] std::uint16_t of(std::uint64_t high, std::uint64_t low) const {
    return static_cast<std::uint16_t>(siphash13_of(key_, high, low) % kPlaces);
  }

  Key128 key_;
  SourceMask mask_;
  std::array<std::uint16_t, kPlaces> sources_{};
  std::array<std::uint16_t, kPlaces> hosts_{};
  std::array<std::uint16_t, kPlaces> held_of_sources_{};
  std::array<std::uint16_t, kPlaces> held_of_hosts_{};
};

}  // namespace mitibox
