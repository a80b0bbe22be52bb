// SPDX-License-Identifier: BSD-3-Clause
#include "port/ports.hpp"

#include "../chain/rig.hpp"
#include "vdev.hpp"

using namespace mitibox;
using namespace mitibox::test;
using Catch::Contains;

TEST_CASE("ports: queues are as many as both ports have", "[ports]") {
  const Vdev many("net_null0");
  const CaptureFiles file;
  const Vdev few("net_pcap0", file.queue_pairs(2));
  CHECK(Ports::max_queues({many.id(), few.id()}) == 2);
  CHECK(Ports::max_queues({few.id(), many.id()}) == 2);
  CHECK(Ports::max_queues({many.id(), many.id()}) > 2);
  CHECK(Ports::max_queues({many.id(), RTE_MAX_ETHPORTS}) == 0);
  CHECK_THROWS_WITH(Ports({{many.id(), few.id()}, 3}, probe_pool()),
                    Contains("net_pcap0: 3 queues needed") && Contains("3 times rx_pcap="));
}

TEST_CASE("ports: the message says which argument gives more queues", "[ports]") {
  const auto message = [](const char* driver) {
    rte_eth_dev_info info{};
    info.driver_name = driver;
    info.max_rx_queues = info.max_tx_queues = 1;
    return too_few_queues(0, info, 4);
  };
  CHECK_THAT(message("net_af_packet"), Contains("qpairs=4"));
  CHECK_THAT(message("net_af_xdp"), Contains("queue_count=4") && Contains("combined 4"));
  CHECK_THAT(message("net_virtio_user"), Contains("queues=4"));
  CHECK_THAT(message("net_tap"), Contains("no argument"));
  CHECK_THAT(message("net_ixgbe"), Contains("fewer lcores"));
}

TEST_CASE("ports: lcores and ports on different NUMA nodes are named", "[ports]") {
  const std::array<PlacedPort, kSides> apart{{{"a", 0U}, {"b", 1U}}};
  const std::array<PlacedPort, kSides> together{{{"a", 1U}, {"b", 1U}}};
  const std::array<PlacedPort, kSides> nowhere{{{"a", std::nullopt}, {"b", 1U}}};
  const std::vector<PlacedLcore> lcores{{2, 1}, {3, 0}};
  const auto warned = placement_warnings(apart, lcores);
  REQUIRE(warned.size() == 3);
  CHECK_THAT(warned[0], Contains("port a is on NUMA node 0, lcore 2 on node 1"));
  CHECK_THAT(warned[1], Contains("port b is on NUMA node 1, lcore 3 on node 0"));
  CHECK_THAT(warned[2], Contains("put both on one"));
  CHECK(placement_warnings(together, {lcores.data(), 1}).empty());
  CHECK(placement_warnings(nowhere, {lcores.data(), 1}).empty());
  CHECK(placement_warnings(nowhere, {lcores.data() + 1, 1}).size() == 1);
}

TEST_CASE("ports: virtual devices lie where they were made", "[ports]") {
  const Vdev a("net_null0");
  const Vdev b("net_null1");
  const Ports ports({{a.id(), b.id()}, 2, 64}, probe_pool());
  const std::array<unsigned, 1> lcores{rte_get_main_lcore()};
  CHECK(ports.warnings(lcores).empty());
}
