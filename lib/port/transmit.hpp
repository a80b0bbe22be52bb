// SPDX-License-Identifier: BSD-3-Clause
/// The one way out of the box.
#pragma once

#include <array>
#include <cstdint>

#include "observe/counters.hpp"
#include "packet/packet.hpp"

namespace mitibox {

/// Where frames go: a port's TX queue in the appliance, a capture file offline.
class Wire {
 public:
  virtual ~Wire() = default;
  /// Takes the first n of `frames` (ownership too) and returns n; the rest stay the caller's.
  virtual std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) = 0;
};

/// Owned by one lcore. Queues frames by port and sends them in bursts; what a port does not take
/// at once waits for the next flush, and is refused when the queue is full.
class Transmit {
 public:
  enum class Origin : std::uint8_t { received, made };
  static constexpr std::size_t kQueue = 512;

  Transmit(Wire& wire, Counters& counters) : wire_(wire), counters_(counters) {}

  /// Takes the frame: pads it with zeros to 60 bytes, clears stale offload fields, queues it.
  void queue(rte_mbuf* frame, Side to, Origin origin);

  /// Offers everything queued to the ports once.
  void flush();

  /// Offers everything queued, and counts as refused what the ports still do not take.
  void finish();

 private:
  struct Queue {
    std::array<rte_mbuf*, kQueue> frames;
    std::array<Origin, kQueue> origins;
    std::uint16_t count = 0;
  };
  void send(Side to);
  void refuse(rte_mbuf* frame, Side to, Origin origin);

  Wire& wire_;
  Counters& counters_;
  std::array<Queue, kSides> queues_;
};

}  // namespace mitibox
