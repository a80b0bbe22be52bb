// SPDX-License-Identifier: BSD-3-Clause
#include "port/transmit.hpp"

#include <rte_mbuf.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

using namespace mitibox;

namespace {

struct SlowWire : Wire {
  std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override {
    const auto n = std::min(count, takes);
    taken[index(to)].insert(taken[index(to)].end(), frames, frames + n);
    offered += count;
    return n;
  }
  std::uint16_t takes = UINT16_MAX;
  std::uint32_t offered = 0;
  std::array<std::vector<rte_mbuf*>, kSides> taken;
};

struct Rig {
  Rig() { REQUIRE(pool != nullptr); }
  ~Rig() {
    for (auto& side : wire.taken)
      for (rte_mbuf* m : side) rte_pktmbuf_free(m);
    CHECK(rte_mempool_in_use_count(pool) == 0);
    rte_mempool_free(pool);
  }
  rte_mbuf* frame(std::uint16_t length, std::uint8_t fill = 0xaa) {
    rte_mbuf* m = rte_pktmbuf_alloc(pool);
    REQUIRE(m != nullptr);
    std::memset(m->buf_addr, 0xee, m->buf_len);  // what the buffer's last user left
    std::memset(rte_pktmbuf_append(m, length), fill, length);
    return m;
  }
  std::uint64_t count(const std::array<Counter, kSides>& c, Side s) { return c[index(s)].get(); }

  rte_mempool* pool = rte_pktmbuf_pool_create("transmit", 2047, 0, 0, 2048, SOCKET_ID_ANY);
  SlowWire wire;
  Counters counters;
  Transmit transmit{wire, counters};
};

constexpr auto kReceived = Transmit::Origin::received;
constexpr auto kMade = Transmit::Origin::made;

}  // namespace

TEST_CASE("transmit: short frames are padded with zeros, others stay as they are", "[transmit]") {
  Rig rig;
  const std::uint16_t length = GENERATE(as<std::uint16_t>(), 14, 42, 59, 60, 61, 1514);
  rig.transmit.queue(rig.frame(length), Side::inside, kReceived);
  rig.transmit.flush();
  const rte_mbuf* m = rig.wire.taken[index(Side::inside)].at(0);
  const auto* at = rte_pktmbuf_mtod(m, const std::uint8_t*);
  CHECK(m->data_len == std::max<std::uint16_t>(length, 60));
  CHECK(m->pkt_len == m->data_len);
  CHECK(std::count(at, at + length, 0xaa) == length);
  CHECK(std::count(at + length, at + m->data_len, 0) == m->data_len - length);
}

TEST_CASE("transmit: no stale offload reaches the port", "[transmit]") {
  Rig rig;
  rte_mbuf* m = rig.frame(100);
  m->ol_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_VLAN |
                RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_QINQ | RTE_MBUF_F_RX_VLAN |
                RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_RSS_HASH;
  m->vlan_tci = 7;
  m->vlan_tci_outer = 8;
  m->l2_len = 14;
  m->l3_len = 20;
  m->l4_len = 20;
  m->tso_segsz = 1460;
  rig.transmit.queue(m, Side::outside, kMade);
  rig.transmit.flush();
  CHECK(rig.wire.taken[index(Side::outside)].at(0) == m);
  CHECK(m->ol_flags == 0);
  CHECK(m->tx_offload == 0);
  CHECK(m->vlan_tci == 0);
  CHECK(m->vlan_tci_outer == 0);
}

TEST_CASE("transmit: what a port leaves goes first at the next flush, in order", "[transmit]") {
  Rig rig;
  std::vector<rte_mbuf*> order;
  for (int i = 0; i < 10; ++i) {
    order.push_back(rig.frame(60));
    rig.transmit.queue(order.back(), Side::outside, i % 2 == 0 ? kReceived : kMade);
  }
  rig.wire.takes = 3;
  rig.transmit.flush();
  CHECK(rig.count(rig.counters.forwarded, Side::outside) == 2);
  CHECK(rig.count(rig.counters.made, Side::outside) == 1);
  rig.wire.takes = 0;
  rig.transmit.flush();
  CHECK(rig.wire.taken[0].size() == 3);
  order.push_back(rig.frame(60));
  rig.transmit.queue(order.back(), Side::outside, kReceived);
  rig.wire.takes = 100;
  rig.transmit.flush();
  CHECK(rig.wire.taken[0] == order);
  CHECK(rig.wire.taken[1].empty());
  CHECK(rig.count(rig.counters.forwarded, Side::outside) == 6);
  CHECK(rig.count(rig.counters.made, Side::outside) == 5);
  CHECK(rig.count(rig.counters.refused, Side::outside) == 0);
  const auto offered = rig.wire.offered;
  rig.transmit.flush();  // nothing waits: the port is left alone
  CHECK(rig.wire.offered == offered);
}

TEST_CASE("transmit: a full queue refuses, by port and origin", "[transmit]") {
  Rig rig;
  rig.wire.takes = 0;
  for (std::size_t i = 0; i < Transmit::kQueue; ++i)
    rig.transmit.queue(rig.frame(60), Side::inside, kReceived);
  CHECK(rig.count(rig.counters.refused, Side::inside) == 0);
  rig.transmit.queue(rig.frame(60), Side::inside, kReceived);
  rig.transmit.queue(rig.frame(60), Side::inside, kReceived);
  rig.transmit.queue(rig.frame(60), Side::inside, kMade);
  rig.transmit.queue(rig.frame(60), Side::outside, kMade);
  CHECK(rig.count(rig.counters.refused, Side::inside) == 2);
  CHECK(rig.count(rig.counters.made_refused, Side::inside) == 1);
  CHECK(rig.count(rig.counters.made_refused, Side::outside) == 0);
  CHECK(rte_mempool_in_use_count(rig.pool) == Transmit::kQueue + 1);

  rig.wire.takes = 12;
  rig.transmit.finish();
  CHECK(rig.count(rig.counters.forwarded, Side::inside) == 12);
  CHECK(rig.count(rig.counters.made, Side::outside) == 1);
  CHECK(rig.count(rig.counters.refused, Side::inside) == 2 + Transmit::kQueue - 12);
  rig.transmit.finish();  // nothing is left to count twice
  CHECK(rig.count(rig.counters.refused, Side::inside) == 2 + Transmit::kQueue - 12);
}
