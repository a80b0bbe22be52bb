// SPDX-License-Identifier: BSD-3-Clause
/// The box's data path on one lcore between ring ports.
#pragma once

#include "base/eal.hpp"
#include "opener.hpp"
#include "port/ports.hpp"
#include "rings.hpp"
#include "shard/worker.hpp"

namespace mitibox::bench {

/// Ports, a chain with open connections, and its worker.
class Boxed {
 public:
  Boxed(const Policy& policy, rte_mempool* pool, std::uint64_t connections)
      : policy_(policy),
        own_(make_pool("bench own", 8191, RTE_MBUF_DEFAULT_BUF_SIZE, 0)),
        ports_(Ports::Config{{0, 1}, 1, RingPorts::kIn}, pool),
        wire_(ports_, 0),
        gate_(wire_),
        chain_(policy_,
               {.name = "bench",
                .secrets = secrets(),
                .own_mac = ports_.mac(Side::outside),
                .pool = own_},
               gate_),
        worker_(ports_, chain_, clock_, {}) {
    open_connections(chain_, own_, {.connections = connections, .first = Side::inside}, clock_);
    gate_.open = true;
  }

  void forward(const std::atomic<bool>& stop) { worker_.run(stop); }
  [[nodiscard]] const Chain& chain() const { return chain_; }

 private:
  Policy policy_;
  rte_mempool* own_;
  Ports ports_;
  PortWire wire_;
  Gate gate_;
  Chain chain_;
  Clock clock_;
  Worker worker_;
};

}  // namespace mitibox::bench
