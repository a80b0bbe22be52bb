// SPDX-License-Identifier: BSD-3-Clause
/// Connections that are open before a measurement: a capture that is replayed over and over cannot
/// hold their handshakes.
#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "base/secrets.hpp"
#include "chain/chain.hpp"
#include "shard/owner.hpp"
#include "traffic.hpp"

namespace mitibox::bench {

/// Frees what is sent until it is open, then passes it on.
class Gate : public Wire {
 public:
  explicit Gate(Wire& wire) : wire_(wire) {}
  std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override {
    if (open) return wire_.send(to, frames, count);
    rte_pktmbuf_free_bulk(frames, count);
    return count;
  }
  bool open = false;

 private:
  Wire& wire_;
};

struct Preload {
  std::uint64_t connections = 0;  ///< flows 0 to connections - 1
  Family family = Family::v4;
  std::uint8_t protocol = protocol::kTcp;
  Side first = Side::outside;  ///< who opens them: from inside no coin is in the way
  /// With several workers: whose sources they are, and the number of this one, which opens its own.
  const Owner* owner = nullptr;
  unsigned self = 0;
};

/// The box's secrets in benchmarks: the captures are spread over queues as it spreads sources.
inline Secrets secrets() {
  return Secrets::derive({1, 2});
}

/// The frame that write_frame() writes. Throws std::runtime_error when the pool is empty.
rte_mbuf* make_frame(rte_mempool* pool, const Flow& flow, const Segment& segment);

/// Takes their openings through the chain, on the lcore that calls; what the chain sends goes to
/// its wire. Returns TSC cycles a connection. Throws std::runtime_error when not all are open.
std::uint64_t open_connections(Chain& chain, rte_mempool* pool, const Preload& preload,
                               const Clock& clock);

}  // namespace mitibox::bench
