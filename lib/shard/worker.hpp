// SPDX-License-Identifier: BSD-3-Clause
/// The poll loop of one lcore.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/clock.hpp"
#include "chain/chain.hpp"
#include "port/ports.hpp"
#include "shard/fact_rings.hpp"
#include "shard/handoff.hpp"
#include "shard/mailbox.hpp"

namespace mitibox {

/// What several workers share: the rings between them, and when all may end.
struct Team {
  Team(const std::string& name, unsigned workers)
      : handoff(name, workers), facts(name, workers), receiving(workers) {}

  HandOff handoff;
  FactRings facts;
  std::atomic<unsigned> receiving;          ///< workers that may still give frames to others
  std::atomic<std::int64_t> last_frame{0};  ///< any: when one of them received, ns of the clock
};

/// Owns the receive side of one queue pair and drives one chain.
class Worker {
 public:
  struct Config {
    unsigned number = 0;      ///< among the workers
    std::uint16_t queue = 0;  ///< of both ports
    Time until_idle{0};       ///< end when both ports were silent this long; 0: never
    Team* team = nullptr;     ///< with several workers; must outlive this one
  };

  Worker(const Ports& ports, Chain& chain, Clock clock, Config config);

  /// Polls until `stop` is set or the ports fall idle, for all workers alike; then takes in what
  /// the ports and the other workers still hold, sends what waits, and returns.
  void run(const std::atomic<bool>& stop);

  /// Any thread.
  Mailbox& mailbox() { return mailbox_; }
  /// How often it has polled. Any thread.
  [[nodiscard]] std::uint64_t polls() const { return polls_.get(); }

 private:
  Now read() { return onward_(clock_); }
  std::uint16_t poll(Side side, Now now);
  unsigned poll_team(Now now);
  bool idle(bool received, Now now);
  void finish();

  std::array<std::uint16_t, kSides> ids_;
  Chain& chain_;
  Clock clock_;
  Onward onward_;
  Config config_;
  Load* load_;
  Time last_frame_{};
  Time told_{};  ///< when the team was told of one last
  Mailbox mailbox_;
  Counter polls_;  ///< control: ro
};

}  // namespace mitibox
