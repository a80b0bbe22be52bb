// SPDX-License-Identifier: BSD-3-Clause
// Sums and offsets of sound frames are those that DPDK's own functions give.
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_net.h>

#include <catch2/catch.hpp>
#include <random>

#include "../chain/rig.hpp"
#include "packet/checksum.hpp"
#include "packet/parse.hpp"

using namespace mitibox;
using namespace mitibox::test;

TEST_CASE("against DPDK: sums of any bytes", "[packet][differential]") {
  std::mt19937 random(5);
  Bytes bytes(4096);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
  for (std::size_t length = 0; length < bytes.size(); length += 1 + length / 50) {
    const std::size_t at = random() % (bytes.size() - length);
    REQUIRE(fold(sum_bytes(bytes.data() + at, length)) == rte_raw_cksum(bytes.data() + at, length));
  }
}

TEST_CASE("against DPDK: headers and checksums of frames", "[packet][differential]") {
  const bool v6 = GENERATE(false, true);
  const unsigned tags = GENERATE(0U, 1U, 2U);
  const std::uint8_t protocol = GENERATE(protocol::kTcp, protocol::kUdp);
  for (const std::size_t size : {0U, 1U, 7U, 100U, 1300U}) {
    CAPTURE(v6, tags, protocol, size);
    Probe probe;
    if (v6) {
      probe.source = "2001:db8:ffff::7";
      probe.destination = "2001:db8:1::10";
    }
    probe.tags = tags;
    probe.protocol = protocol;
    probe.payload.assign(size, 0xa5);
    rte_mbuf* const m = frame_of(probe);

    Packet p;
    p.frame = m;
    REQUIRE_FALSE(parse_frame(p).has_value());
    rte_net_hdr_lens lengths{};
    const std::uint32_t type = rte_net_get_ptype(m, &lengths, RTE_PTYPE_ALL_MASK);
    CHECK(p.l3 == lengths.l2_len);
    CHECK(p.l4 == lengths.l2_len + lengths.l3_len);
    CHECK((RTE_ETH_IS_IPV4_HDR(type) != 0) == (p.family == Family::v4));
    CHECK((RTE_ETH_IS_IPV6_HDR(type) != 0) == (p.family == Family::v6));
    CHECK(((type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP) == (p.protocol == protocol::kTcp));
    CHECK(((type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_UDP) == (p.protocol == protocol::kUdp));

    const auto length = static_cast<std::uint32_t>(p.end - p.l4);
    const std::uint64_t pseudo = p.family == Family::v4 ? pseudo_sum(p.ipv4(), p.protocol, length)
                                                        : pseudo_sum(p.ipv6(), p.protocol, length);
    const auto* const l4 = p.data() + p.l4;
    CHECK(fold(pseudo + sum_bytes(l4, length)) == 0xffff);
    // Of all including a right checksum; as UDP writes it, which has no 0.
    const std::uint16_t over_right = protocol == protocol::kUdp ? 0xffff : 0;
    if (v6) {
      const auto* const ip = rte_pktmbuf_mtod_offset(m, const rte_ipv6_hdr*, p.l3);
      CHECK(rte_ipv6_udptcp_cksum(ip, l4) == over_right);
    } else {
      auto* const ip = rte_pktmbuf_mtod_offset(m, rte_ipv4_hdr*, p.l3);
      CHECK(rte_ipv4_udptcp_cksum(ip, l4) == over_right);
      CHECK(fold(sum_bytes(p.data() + p.l3, 20)) == 0xffff);
      CHECK(rte_raw_cksum(ip, 20) == 0xffff);
    }
    rte_pktmbuf_free(m);
  }
}
