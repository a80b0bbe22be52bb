// SPDX-License-Identifier: BSD-3-Clause
// The poll loop over two ports that are rings: what a port sends comes back to it.
#include "shard/worker.hpp"

#include <rte_dev.h>
#include <rte_ring.h>

#include <catch2/catch.hpp>
#include <optional>
#include <thread>

#include "../chain/rig.hpp"
#include "control/errands.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

struct Machine {
  Machine() {
    for (std::size_t i = 0; i < kSides; ++i) {
      const std::string name = "net_ring" + std::to_string(i);
      REQUIRE(rte_eal_hotplug_add("vdev", name.c_str(), "") == 0);
      REQUIRE(rte_eth_dev_get_port_by_name(name.c_str(), &config.ids[i]) == 0);
      rings[i] = rte_ring_lookup(("ETH_RXTX0_" + name).c_str());
      REQUIRE(rings[i] != nullptr);
    }
    before = rte_mempool_avail_count(probe_pool());
    ports.emplace(config, probe_pool());
    wire.emplace(*ports, std::uint16_t{0});
    chain = std::make_unique<Chain>(
        policy,
        Chain::Config{
            "worker" + std::to_string(number++), 1, Secrets::derive({3, 4}), {}, probe_pool()},
        *wire);
  }
  ~Machine() {
    chain.reset();
    CHECK(rte_mempool_avail_count(probe_pool()) == before);
    ports.reset();
    for (const char* name : {"net_ring0", "net_ring1"}) rte_eal_hotplug_remove("vdev", name);
  }
  void put(Side side, rte_mbuf* frame) {
    REQUIRE(rte_ring_enqueue(rings[index(side)], frame) == 0);
  }
  [[nodiscard]] std::uint64_t ended(Reason why) const {
    return chain->counters().ended[index(why)].get();
  }

  static inline int number = 0;
  Policy policy = plain_policy();
  Ports::Config config{};
  std::array<rte_ring*, kSides> rings{};
  unsigned before = 0;
  std::optional<Ports> ports;
  std::optional<PortWire> wire;
  std::unique_ptr<Chain> chain;
};

Probe dark(std::uint16_t port) {
  Probe p;
  p.destination = "203.0.113.77";
  p.source_port = port;
  return p;
}

}  // namespace

TEST_CASE("worker: takes both ports until they fall idle", "[shard][worker]") {
  Machine m;
  for (std::uint16_t i = 0; i < 100; ++i) {
    m.put(Side::outside, frame_of(dark(static_cast<std::uint16_t>(1000 + i))));
    m.put(Side::inside, frame_of(Bytes(13)));
  }
  Worker worker(*m.ports, *m.chain, Clock(), {.queue = 0, .until_idle = 20ms});
  const std::atomic<bool> stop = false;
  worker.run(stop);
  const Counters& c = m.chain->counters();
  CHECK(m.ended(Reason::answered) == 100);
  CHECK(m.ended(Reason::frame_truncated) == 100);
  CHECK(c.made[index(Side::outside)].get() == 100);
  // The SYN/ACKs came back by the ring, from protected addresses on the wrong side.
  CHECK(m.ended(Reason::hairpin) == 100);
  CHECK(c.received[index(Side::outside)].get() == 200);
  CHECK(c.received[index(Side::inside)].get() == 100);
}

TEST_CASE("worker: takes in what its ports hold when it is told to stop", "[shard][worker]") {
  Machine m;
  for (std::uint16_t i = 0; i < 100; ++i) m.put(Side::inside, frame_of(Bytes(13)));
  m.put(Side::outside, frame_of(dark(1000)));
  Worker worker(*m.ports, *m.chain, Clock(), {});
  const std::atomic<bool> stop = true;
  worker.run(stop);
  CHECK(m.ended(Reason::frame_truncated) == 100);
  CHECK(m.ended(Reason::answered) == 1);
  CHECK(m.chain->counters().made[index(Side::outside)].get() == 1);
  for (rte_ring* ring : m.rings) CHECK(rte_ring_empty(ring) == 1);
}

TEST_CASE("worker: answers its mailbox while it runs", "[shard][worker]") {
  Machine m;
  Probe scan = dark(1000);
  scan.destination_port = 23;
  m.put(Side::outside, frame_of(scan));
  Worker worker(*m.ports, *m.chain, Clock(), {});
  std::atomic<bool> stop = false;
  std::thread lcore([&] { worker.run(stop); });
  LevelOf scanner(parse_address("198.51.100.7").value());
  LevelOf other(parse_address("198.51.100.8").value());
  bool answered = false;
  // The scan may still lie in its ring when the first question comes.
  for (int i = 0; i < 1000 && scanner.level.number == 0; ++i)
    answered = worker.mailbox().ask(scanner, 10s);
  CHECK(worker.mailbox().ask(other, 10s));
  stop = true;
  lcore.join();
  CHECK(answered);
  CHECK(scanner.level.number == 1);
  CHECK(other.level.number == 0);
  CHECK_FALSE(worker.mailbox().ask(other, 1ms));
}
