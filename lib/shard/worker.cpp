// SPDX-License-Identifier: BSD-3-Clause
#include "shard/worker.hpp"

#include <rte_ethdev.h>

#include <algorithm>

#include "base/poison.hpp"

namespace mitibox {

namespace {

/// Polls after the end that still look for frames, so that what was on its way is counted.
constexpr int kFinalPolls = 64;
/// Facts that one poll may take in.
constexpr unsigned kFacts = 16;
/// How often a worker tells the others that it receives: a shared cache line.
constexpr Time kTellEvery = std::chrono::milliseconds(1);

}  // namespace

Worker::Worker(const Ports& ports, Chain& chain, Clock clock, Config config)
    : ids_{ports.id(Side::outside), ports.id(Side::inside)},
      chain_(chain),
      clock_(clock),
      config_(config),
      load_(chain.observer() == nullptr ? nullptr : &chain.observer()->load) {}

std::uint16_t Worker::poll(Side side, Now now) {
  std::array<rte_mbuf*, kBurst> frames;
  const std::uint16_t n = rte_eth_rx_burst(ids_[index(side)], config_.queue, frames.data(), kBurst);
  if (n == 0) return 0;
  for (std::uint16_t i = 0; i < n; ++i) poison_frame(frames[i]);
  chain_.process(side, {frames.data(), n}, now);
  return n;
}

unsigned Worker::poll_team(Now now) {
  if (config_.team == nullptr) return 0;
  config_.team->facts.drain(config_.number, chain_, now, kFacts);
  return config_.team->handoff.drain(config_.number,
                                     [&](std::uint16_t side, std::span<rte_mbuf* const> frames) {
                                       for (rte_mbuf* frame : frames) poison_frame(frame);
                                       chain_.adopt(static_cast<Side>(side), frames, now);
                                     });
}

bool Worker::idle(bool received, Now now) {
  if (config_.until_idle == Time{0}) return false;
  if (received) {
    last_frame_ = now.time;
    if (config_.team != nullptr && now.time - told_ >= kTellEvery) {
      told_ = now.time;
      config_.team->last_frame.store(now.time.count(), std::memory_order_relaxed);
    }
    return false;
  }
  Time last = last_frame_;
  if (config_.team != nullptr)
    last = std::max(last, Time(config_.team->last_frame.load(std::memory_order_relaxed)));
  return now.time - last >= config_.until_idle + kTellEvery;
}

void Worker::run(const std::atomic<bool>& stop) {
  last_frame_ = read().time;
  Time before = last_frame_;
  unsigned received = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    const Now now = read();
    if (load_ != nullptr) load_->polled(received != 0, now.time - before);
    before = now.time;
    received = poll(Side::outside, now) + poll(Side::inside, now) + poll_team(now);
    chain_.tick(now);
    chain_.transmit().flush();
    chain_.settle(now);
    mailbox_.poll(chain_, now);
    polls_.add();
    if (idle(received != 0, now)) break;
  }
  finish();
}

void Worker::finish() {
  for (int i = 0; i < kFinalPolls; ++i) {
    const Now now = read();
    if (poll(Side::outside, now) + poll(Side::inside, now) == 0) break;
    chain_.transmit().flush();
  }
  if (config_.team != nullptr) {
    // Nobody gives frames any more once all are here; until then each takes what it is given.
    config_.team->receiving.fetch_sub(1, std::memory_order_acq_rel);
    for (bool last = false; !last;) {
      last = config_.team->receiving.load(std::memory_order_acquire) == 0;
      while (poll_team(read()) != 0) chain_.transmit().flush();
    }
  }
  chain_.finish();
}

}  // namespace mitibox
