// SPDX-License-Identifier: BSD-3-Clause
/// What all benchmarks of single parts use: packets of seeded flows. A benchmark whose name ends in
/// "x32" does its work for a burst.
#pragma once

#ifndef CATCH_CONFIG_ENABLE_BENCHMARKING
#define CATCH_CONFIG_ENABLE_BENCHMARKING
#endif
#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <vector>

#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "replay/traffic.hpp"

namespace mitibox::bench {

/// Buffers that live as long as the process.
rte_mempool* pool();

/// A frame of this segment, in a buffer of its own.
rte_mbuf* frame_of(const Flow& flow, const Segment& segment);

/// As the Tracker gets it: parsed, scrubbed, with its flow key.
Packet packet_of(const Flow& flow, const Segment& segment);

/// The SYNs of `count` flows that no other call has had.
std::vector<Packet> syns(std::size_t count, Family family = Family::v4);

/// Packets by bursts, round and round.
class Bursts {
 public:
  explicit Bursts(const std::vector<Packet>& packets);
  const std::array<const Packet*, kBurst>& operator[](int number) const {
    return bursts_[static_cast<std::size_t>(number) % bursts_.size()];
  }
  [[nodiscard]] std::size_t count() const { return bursts_.size(); }

 private:
  std::vector<std::array<const Packet*, kBurst>> bursts_;
};

/// 203.0.113.0/24 and 2001:db8:1::/64, no services.
Policy plain_policy();

}  // namespace mitibox::bench
