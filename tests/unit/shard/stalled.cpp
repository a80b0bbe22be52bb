// SPDX-License-Identifier: BSD-3-Clause
// A port whose queue stops taking frames, as a NIC that hangs does, and goes on later.
#include <rte_dev.h>
#include <rte_eth_ring.h>
#include <rte_ring.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "../chain/rig.hpp"
#include "port/ports.hpp"
#include "shard/worker.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

constexpr unsigned kIn = 1024;
constexpr unsigned kOut = 64;

/// Two ports, each a ring to put frames in and a short one that they leave by.
class Machine {
 public:
  Machine() {
    for (std::size_t i = 0; i < kSides; ++i) {
      const std::string name = "stall" + std::to_string(i);
      in_[i] = rte_ring_create((name + "in").c_str(), kIn, SOCKET_ID_ANY, RING_F_EXACT_SZ);
      out_[i] = rte_ring_create((name + "out").c_str(), kOut, SOCKET_ID_ANY, RING_F_EXACT_SZ);
      REQUIRE(in_[i] != nullptr);
      REQUIRE(out_[i] != nullptr);
      const int port = rte_eth_from_rings(name.c_str(), &in_[i], 1, &out_[i], 1, 0);
      REQUIRE(port >= 0);
      config_.ids[i] = static_cast<std::uint16_t>(port);
    }
    ports_.emplace(config_, probe_pool());
    wire_.emplace(*ports_, std::uint16_t{0});
    chain = std::make_unique<Chain>(
        policy_, Chain::Config{"stalled", 1, Secrets::derive({3, 4}), {}, probe_pool()}, *wire_);
    worker_.emplace(*ports_, *chain, Clock(), Worker::Config{});
    lcore_ = std::thread([this] { worker_->run(stop_); });
  }
  ~Machine() {
    end();
    chain.reset();
    ports_.reset();
    for (std::size_t i = 0; i < kSides; ++i) {
      rte_eal_hotplug_remove("vdev", ("net_ring_stall" + std::to_string(i)).c_str());
      rte_ring_free(in_[i]);
      rte_ring_free(out_[i]);
    }
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void end() {
    stop_ = true;
    if (lcore_.joinable()) lcore_.join();
  }
  void put(Side side, const Probe& probe) {
    REQUIRE(rte_ring_enqueue(in_[index(side)], frame_of(probe)) == 0);
  }
  /// Takes what has left by this port.
  unsigned take(Side side) {
    unsigned n = 0;
    for (void* frame = nullptr; rte_ring_dequeue(out_[index(side)], &frame) == 0; ++n)
      release(static_cast<rte_mbuf*>(frame));
    return n;
  }
  [[nodiscard]] std::uint64_t of(const std::array<Counter, kSides>& counts, Side side) const {
    return counts[index(side)].get();
  }

  std::unique_ptr<Chain> chain;

 private:
  Policy policy_ = plain_policy();
  Ports::Config config_{};
  std::array<rte_ring*, kSides> in_{}, out_{};
  std::optional<Ports> ports_;
  std::optional<PortWire> wire_;
  std::optional<Worker> worker_;
  std::atomic<bool> stop_ = false;
  std::thread lcore_;
};

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 20'000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

Probe query() {
  Probe p;
  p.protocol = protocol::kUdp;
  p.destination_port = 53;
  return p;
}

Probe answer() {
  Probe p = query();
  std::swap(p.source, p.destination);
  std::swap(p.source_port, p.destination_port);
  return p;
}

}  // namespace

TEST_CASE(
    "stalled: a port that takes nothing costs its own frames, under their name, and later none",
    "[shard][faults]") {
  const unsigned before = rte_mempool_avail_count(probe_pool());
  {
    Machine m;
    const Counters& c = m.chain->counters();
    const auto received = [&](Side side, std::uint64_t n) {
      return eventually([&] { return m.of(c.received, side) == n; });
    };
    constexpr std::uint64_t kSent = 900;
    constexpr std::uint64_t kWaits = kOut + Transmit::kQueue;
    for (std::uint64_t i = 0; i < kSent; ++i) m.put(Side::outside, query());
    REQUIRE(received(Side::outside, kSent));
    REQUIRE(eventually([&] { return m.of(c.refused, Side::inside) == kSent - kWaits; }));
    CHECK(m.of(c.forwarded, Side::inside) == kOut);

    // The other port has nothing to do with it.
    for (int i = 0; i < 50; ++i) m.put(Side::inside, answer());
    REQUIRE(received(Side::inside, 50));
    CHECK(eventually([&] { return m.of(c.forwarded, Side::outside) == 50; }));
    CHECK(m.take(Side::outside) == 50);

    // It goes on: what waited leaves, and what comes then too.
    unsigned left = 0;
    REQUIRE(eventually([&] { return (left += m.take(Side::inside)) == kWaits; }));
    for (int i = 0; i < 40; ++i) m.put(Side::outside, query());
    CHECK(eventually([&] { return (left += m.take(Side::inside)) == kWaits + 40; }));
    CHECK(m.of(c.refused, Side::inside) == kSent - kWaits);
    m.end();
    CHECK(m.of(c.received, Side::outside) ==
          m.of(c.forwarded, Side::inside) + m.of(c.refused, Side::inside));
  }
  CHECK(rte_mempool_avail_count(probe_pool()) == before);
}

TEST_CASE("stalled: a box that ends meanwhile counts what it could not send", "[shard][faults]") {
  const unsigned before = rte_mempool_avail_count(probe_pool());
  {
    Machine m;
    const Counters& c = m.chain->counters();
    for (int i = 0; i < 200; ++i) m.put(Side::outside, query());
    REQUIRE(eventually([&] { return m.of(c.received, Side::outside) == 200; }));
    m.end();
    CHECK(m.of(c.forwarded, Side::inside) == kOut);
    CHECK(m.of(c.refused, Side::inside) == 200 - kOut);
    CHECK(m.take(Side::inside) == kOut);
  }
  CHECK(rte_mempool_avail_count(probe_pool()) == before);
}
