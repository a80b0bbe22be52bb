// SPDX-License-Identifier: BSD-3-Clause
#include "wire.hpp"

#include <fmt/format.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>

#include <array>
#include <chrono>
#include <cstdlib>

#include "base/eal.hpp"
#include "base/say.hpp"

namespace mitibox {

namespace {

constexpr std::uint16_t kRing = 1024;
constexpr unsigned kBuffers = 4 * kRing + 2 * kBurst + 512;

Ports::Config config_of(const Options& options) {
  return {{find_port(options.outside), find_port(options.inside)}, 1, kRing, std::nullopt, 64};
}

rte_mempool* buffers(const Ports::Config& config) {
  return make_pool("mitibox rx", kBuffers, Ports::buffer_size(config),
                   static_cast<int>(rte_socket_id()));
}

}  // namespace

std::size_t BareWire::needed_megabytes() {
  return kBuffers * 2560 * 5 / 4 / (1U << 20U) + 96;
}

BareWire::BareWire(const Options& options)
    : options_(options),
      ports_(config_of(options), buffers(config_of(options))),
      manager_(std::getenv("NOTIFY_SOCKET")) {}

void BareWire::pass(Side from) {
  std::array<rte_mbuf*, kBurst> frames;
  const std::uint16_t n = rte_eth_rx_burst(ports_.id(from), 0, frames.data(), kBurst);
  if (n == 0) return;
  const std::uint16_t sent = rte_eth_tx_burst(ports_.id(other(from)), 0, frames.data(), n);
  forwarded_ += sent;
  refused_ += n - sent;
  for (std::uint16_t i = sent; i < n; ++i) rte_pktmbuf_free(frames[i]);
}

bool BareWire::policy_is_good() const {
  try {
    load_policy(options_.policy);
    return true;
  } catch (const PolicyError& e) {
    say(e.what());
    return false;
  }
}

int BareWire::run(Appliance::Wishes& wishes) {
  using Wall = std::chrono::steady_clock;
  constexpr auto kRemind = std::chrono::minutes(1);
  constexpr unsigned kPolls = 1U << 14U;  // between two looks at the clock
  manager_.tell("READY=1");
  manager_.status("WITHOUT A POLICY: everything passes");
  auto beat = Wall::now();
  auto remind = Wall::now() + kRemind;
  while (!wishes.stop.load(std::memory_order_relaxed)) {
    for (unsigned i = 0; i < kPolls; ++i) {
      pass(Side::outside);
      pass(Side::inside);
    }
    if (Wall::now() >= beat) {
      beat += std::chrono::seconds(1);
      manager_.tell("WATCHDOG=1");
    }
    if (Wall::now() >= remind) {
      remind += kRemind;
      say("still without a policy: everything passes (--fail wire)");
    }
    if (wishes.reload.exchange(false, std::memory_order_relaxed) && policy_is_good()) {
      say("the policy can be used now: ends, to be started anew with it");
      return 1;
    }
  }
  print_out(fmt::format("\nwithout a policy: {} frames forwarded, {} refused by a port\n",
                        forwarded_, refused_));
  return 0;
}

}  // namespace mitibox
