// SPDX-License-Identifier: BSD-3-Clause
// A spoofed SYN flood harms nobody who is genuine and frees nobody who is not. The full-rate
// version is bench/replay/flood.cpp.
#include "flooding.hpp"

#include <catch2/catch.hpp>

#include "base/eal.hpp"
#include "rig.hpp"

using namespace mitibox;

TEST_CASE("chain: what a spoofed SYN flood leaves alone", "[chain][flood]") {
  bench::FloodOrder order;
  order.rate = 20'000;
  order.seconds = 8;
  order.established = 500;
  order.scanners = 50;
  order.clients = 200;
  // The half-opens' share of it (a quarter) turns over in a fifth of a second.
  Policy policy = bench::flood_policy(order, 4096);
  policy.tables.sources = 4096;
  policy.tables.conversations = 256;
  rte_mempool* const own = make_pool("flood own", 1023, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  const unsigned before = rte_mempool_avail_count(test::probe_pool());

  const bench::FloodOutcome o = bench::flood(policy, order, test::probe_pool(), own);
  CHECK(o.flood >= 160'000);
  CHECK(o.to_host > 30'000);
  CHECK(o.evicted > 20'000);
  CHECK(o.established == order.established);
  CHECK(o.scanners == order.scanners);
  CHECK(o.clients >= order.clients * 98 / 100);
  CHECK(o.clients_at_first > order.clients / 3);
  CHECK(o.clients_at_first < order.clients * 2 / 3);

  CHECK(rte_mempool_in_use_count(own) == 0);
  CHECK(rte_mempool_avail_count(test::probe_pool()) == before);
  rte_mempool_free(own);
}
