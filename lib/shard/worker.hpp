// SPDX-License-Identifier: BSD-3-Clause
/// The poll loop of one lcore.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.hpp"
#include "chain/chain.hpp"
#include "port/ports.hpp"
#include "shard/mailbox.hpp"

namespace mitibox {

/// Owns the receive side of one queue pair and drives one chain.
class Worker {
 public:
  struct Config {
    std::uint16_t queue = 0;
    Time until_idle{0};  ///< end when both ports were silent this long; 0: never
  };

  Worker(const Ports& ports, Chain& chain, Clock clock, Config config);

  /// Polls until `stop` is set or the ports fall idle; then takes in what the ports still hold,
  /// sends what waits, and returns.
  void run(const std::atomic<bool>& stop);

  /// Any thread.
  Mailbox& mailbox() { return mailbox_; }

 private:
  std::uint16_t poll(Side side, Now now);

  std::array<std::uint16_t, kSides> ids_;
  Chain& chain_;
  Clock clock_;
  Config config_;
  Mailbox mailbox_;
};

}  // namespace mitibox
