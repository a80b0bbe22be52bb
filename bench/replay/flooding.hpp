// SPDX-License-Identifier: BSD-3-Clause
/// A spoofed SYN flood in virtual time, through a real chain and with real frames: what becomes of
/// those who are genuine, and of those who are known not to be.
#pragma once

#include <cstdint>
#include <memory>

#include "base/time.hpp"
#include "policy/policy.hpp"
#include "reply/reply.hpp"

namespace mitibox::bench {

struct FloodOrder {
  double rate = 2e6;         ///< SYNs a second of the box's time
  double seconds = 60;       ///< how long it lasts
  unsigned established = 0;  ///< connections that are open before, and silent until the end
  unsigned scanners = 0;     ///< sources that completed a forged handshake before
  unsigned clients = 0;      ///< genuine ones, evenly over the flood
  std::uint64_t seed = 1;
};

struct FloodOutcome {
  std::uint64_t flood = 0;        ///< SYNs sent
  std::uint64_t to_host = 0;      ///< of these, let on to the host, which answered
  unsigned established = 0;       ///< connections whose next segment still was forwarded
  unsigned scanners = 0;          ///< still distrusted, and proven
  unsigned clients = 0;           ///< whose handshake was complete within kPatience
  unsigned clients_at_first = 0;  ///< of these, with their first SYN
  unsigned clients_deceived = 0;  ///< who got a forged SYN/ACK
  std::uint64_t evicted = 0;      ///< half-opens that made way for others
};

/// What a genuine client waits for. It repeats its SYN as kernels do, 1 s and 3 s after the first.
constexpr Time kPatience = std::chrono::seconds(4);

/// A service of the policy that the flood strikes and the clients want: 203.0.113.10, TCP port 443.
/// The other half of the flood goes to 203.0.113.64 to .253, where nobody lives. Its sources are
/// drawn from all of 11.0.0.0 to 122.255.255.255; the clients and the scanners live among them.
/// The host answers each SYN that reaches it after a millisecond; a client is 20 ms away.
///
/// `pool`: for the frames that are sent; `own`: for those that the chain makes. Buffers of usual
/// size. Throws std::runtime_error when the connections cannot be opened beforehand.
FloodOutcome flood(const Policy& policy, const FloodOrder& order, rte_mempool* pool,
                   rte_mempool* own);

/// What flood() needs: tables.connections as given, and as many remembered attempts as the coin
/// drops in 32 s: fewer, and here and there a set of the memory runs over within 3 s, which is
/// taken for a flood that it cannot hold.
Policy flood_policy(const FloodOrder& order, std::uint32_t connections);

}  // namespace mitibox::bench
