// SPDX-License-Identifier: BSD-3-Clause
/// Two ports made of finite rings, and who feeds and empties them: what a NIC's descriptor rings
/// are to a forwarder, with a sender that does not wait for it.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "histogram.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "traffic.hpp"

namespace mitibox::bench {

/// Ports 0 (outside) and 1 (inside).
class RingPorts {
 public:
  static constexpr unsigned kIn = 1024;  ///< frames that may wait for the forwarder on each port
  static constexpr unsigned kOut = 4096;

  /// Throws std::runtime_error when memory is short or the devices cannot be made.
  RingPorts();

  /// What the forwarder will receive on this port, and what it sent out of it.
  [[nodiscard]] rte_ring* in(Side side) const { return in_[index(side)].get(); }
  [[nodiscard]] rte_ring* out(Side side) const { return out_[index(side)].get(); }

 private:
  struct FreeRing {
    void operator()(rte_ring* ring) const { rte_ring_free(ring); }
  };
  std::array<std::unique_ptr<rte_ring, FreeRing>, kSides> in_, out_;
};

/// A frame to be sent again and again.
struct Stencil {
  std::array<std::uint8_t, 64> bytes{};
  std::uint16_t length = 0;
  Kind kind = Kind::established;
};
/// The first `count` of a case on one port, all of at most 64 bytes.
std::vector<Stencil> stencils(Case& source, Side side, std::uint64_t count);

/// A second's worth of packets to each port, and for how long.
struct Load {
  std::array<double, kSides> rate{};
  double seconds = 1;
  double warm_up = 0.2;  ///< not counted
};

/// What happened while it was counted.
struct Tally {
  using ByKind = std::array<std::array<std::uint64_t, kKinds>, kSides>;
  ByKind offered{}, lost{};  ///< lost: the ring of this port was full
  std::uint64_t returned = 0;
  Histogram latency;  ///< TSC cycles from one ring's entry to the other's exit, established alone
  double seconds = 0;

  [[nodiscard]] static std::uint64_t sum(const ByKind& counts);
  /// Packets that the forwarder took, a second.
  [[nodiscard]] double taken() const {
    return static_cast<double>(sum(offered) - sum(lost)) / seconds;
  }
};

/// Sends and collects, on the lcore that calls.
class Generator {
 public:
  /// `pool`: buffers of 64 bytes or more behind the headroom, enough for all rings.
  Generator(const RingPorts& ports, rte_mempool* pool, std::vector<Stencil> outside,
            std::vector<Stencil> inside);

  Tally run(const Load& load);
  /// Takes what is left of the last run out of the rings. The forwarder has ended.
  void clear();

 private:
  std::uint64_t send(Side side, std::uint64_t wanted, Tally* tally);
  void collect(Side side, Tally* tally);

  const RingPorts& ports_;
  rte_mempool* pool_;
  std::array<std::vector<Stencil>, kSides> stencils_;
  std::array<std::size_t, kSides> next_{};
  std::vector<rte_mbuf*> spare_;
  int stamp_;  ///< offset of a mbuf's time of entry; 0: not to be timed
};

/// Runs `forward(stop)` on the second lcore while `feed()` runs on this one.
void beside(const std::function<void(const std::atomic<bool>&)>& forward,
            const std::function<void()>& feed);

/// What testpmd's forward mode io does, with bursts of 32.
void forward_io(const std::atomic<bool>& stop);

/// The highest rate, in packets a second, of which nearly nothing is lost in the best of three
/// attempts, found by halving. `measure(rate)`. It cannot be higher than what the generator sends.
double find_capacity(const std::function<Tally(double)>& measure);
/// The share of the offered packets that must have been sent for a measurement to count.
constexpr double kNearlyAll = 0.98;

double median(std::vector<double> values);

/// The service that the flows of traffic.hpp use, no grace period, a coin of this weight.
Policy ring_policy(double drop);

}  // namespace mitibox::bench
