// SPDX-License-Identifier: BSD-3-Clause
#include "shard/worker.hpp"

#include <rte_ethdev.h>

#include "base/poison.hpp"

namespace mitibox {

namespace {

/// Polls after the end that still look for frames, so that what was on its way is counted.
constexpr int kFinalPolls = 64;

}  // namespace

Worker::Worker(const Ports& ports, Chain& chain, Clock clock, Config config)
    : ids_{ports.id(Side::outside), ports.id(Side::inside)},
      chain_(chain),
      clock_(clock),
      config_(config) {}

std::uint16_t Worker::poll(Side side, Now now) {
  std::array<rte_mbuf*, kBurst> frames;
  const std::uint16_t n = rte_eth_rx_burst(ids_[index(side)], config_.queue, frames.data(), kBurst);
  if (n == 0) return 0;
  for (std::uint16_t i = 0; i < n; ++i) poison_frame(frames[i]);
  chain_.process(side, {frames.data(), n}, now);
  return n;
}

void Worker::run(const std::atomic<bool>& stop) {
  Time last_frame = clock_.read().time;
  while (!stop.load(std::memory_order_relaxed)) {
    const Now now = clock_.read();
    const auto received = poll(Side::outside, now) + poll(Side::inside, now);
    chain_.tick(now);
    chain_.transmit().flush();
    mailbox_.poll(chain_.trust(), now);
    if (received != 0)
      last_frame = now.time;
    else if (config_.until_idle != Time{0} && now.time - last_frame >= config_.until_idle)
      break;
  }
  for (int i = 0; i < kFinalPolls; ++i) {
    const Now now = clock_.read();
    if (poll(Side::outside, now) + poll(Side::inside, now) == 0) break;
    chain_.transmit().flush();
  }
  chain_.transmit().finish();
}

}  // namespace mitibox
