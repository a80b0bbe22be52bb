// SPDX-License-Identifier: BSD-3-Clause
// What drivers do to frames before they are parsed, and the flow keys made of them.
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <optional>

#include "craft.hpp"
#include "packet/parse.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

using Pool = std::unique_ptr<rte_mempool, decltype(&rte_mempool_free)>;
using Owned = std::unique_ptr<rte_mbuf, decltype(&release)>;

Pool pool_of(unsigned count, std::uint16_t room) {
  static unsigned number = 0;
  const std::string name = "test-parse" + std::to_string(number++);
  Pool pool(rte_pktmbuf_pool_create(name.c_str(), count, 0, 0, room, SOCKET_ID_ANY),
            rte_mempool_free);
  REQUIRE(pool);
  return pool;
}

Bytes bytes_of(const rte_mbuf* m) {
  const auto* data = rte_pktmbuf_mtod(m, const std::uint8_t*);
  return {data, data + m->data_len};
}

/// The frame in segments that end at `cuts` and at its end.
Owned chained(const Bytes& bytes, std::vector<std::size_t> cuts, rte_mempool* pool) {
  cuts.push_back(bytes.size());
  Owned head(nullptr, release);
  std::size_t from = 0;
  for (const std::size_t to : cuts) {
    rte_mbuf* m = rte_pktmbuf_alloc(pool);
    REQUIRE(m != nullptr);
    char* at = rte_pktmbuf_append(m, static_cast<std::uint16_t>(to - from));
    REQUIRE(at != nullptr);
    std::memcpy(at, bytes.data() + from, to - from);
    from = to;
    if (!head)
      head.reset(m);
    else
      REQUIRE(rte_pktmbuf_chain(head.get(), m) == 0);
  }
  return head;
}

}  // namespace

TEST_CASE("parse: segments are joined, wherever they meet", "[parse]") {
  const bool v6 = GENERATE(false, true);
  Probe probe = probe_between(v6, Side::outside);
  probe.tags = 2;
  probe.payload.assign(7, 0x5a);
  const Craft craft(probe);
  for (std::size_t cut = 0; cut <= craft.bytes.size(); ++cut) {
    CAPTURE(v6, cut);
    const Owned frame = chained(craft.bytes, {cut / 2, cut}, probe_pool());
    REQUIRE(frame->nb_segs == 3);
    Packet p;
    p.frame = frame.get();
    REQUIRE_FALSE(parse_frame(p));
    CHECK(frame->nb_segs == 1);
    CHECK(frame->pkt_len == craft.bytes.size());
    CHECK(bytes_of(frame.get()) == craft.bytes);
    CHECK(p.l3 == craft.l3);
    CHECK(p.l4 == craft.l4);
    CHECK(p.end == craft.bytes.size());
  }
  CHECK(rte_mempool_in_use_count(probe_pool()) == 0);
}

TEST_CASE("parse: segments too long to join are refused by name", "[parse]") {
  const Pool pool = pool_of(15, RTE_PKTMBUF_HEADROOM + 512);
  Probe probe = probe_between(false, Side::outside);
  probe.payload.assign(512 - 54, 0x5a);
  const auto parse = [&](const Bytes& bytes) {
    const Owned frame = chained(bytes, {100}, pool.get());
    Packet p;
    p.frame = frame.get();
    return parse_frame(p);
  };
  REQUIRE(Craft(probe).bytes.size() == 512);
  CHECK_FALSE(parse(Craft(probe).bytes));
  probe.payload.push_back(0x5a);
  CHECK(parse(Craft(probe).bytes) == Reason::frame_segments);
}

TEST_CASE("parse: jumbo frames up to the largest buffer", "[parse]") {
  const Pool pool = pool_of(3, UINT16_MAX);
  const bool v6 = GENERATE(false, true);
  const std::size_t length = GENERATE(9014U, 9216U, UINT16_MAX - RTE_PKTMBUF_HEADROOM + 0U);
  Craft craft(probe_between(v6, Side::outside));
  craft.resize(length).fit();
  const Owned frame(craft.frame(pool.get()), release);
  Packet p;
  p.frame = frame.get();
  REQUIRE_FALSE(parse_frame(p));
  CHECK(p.end == length);
  // The length field's own maximum lies behind any frame.
  craft.put16(craft.l3 + (v6 ? 4 : 2), 0xffff);
  const Owned liar(craft.frame(pool.get()), release);
  Packet q;
  q.frame = liar.get();
  CHECK(parse_frame(q) == (v6 ? Reason::ip6_header : Reason::ip4_header));
}

TEST_CASE("parse: a tag that the driver took off is put back", "[parse]") {
  const unsigned tags = GENERATE(0U, 1U, 2U);
  Probe probe = probe_between(true, Side::outside);
  probe.tags = tags;
  const Craft craft(probe);
  const Owned frame(craft.frame(), release);
  frame->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_RSS_HASH;
  frame->vlan_tci = 0x6123;
  Packet p;
  p.frame = frame.get();
  const auto why = parse_frame(p);
  if (tags == 2) {
    CHECK(why == Reason::vlan_depth);
    return;
  }
  REQUIRE_FALSE(why);
  Craft expected(craft);
  expected.insert(12, {0x81, 0x00, 0x61, 0x23});
  CHECK(bytes_of(frame.get()) == expected.bytes);
  CHECK(frame->pkt_len == expected.bytes.size());
  CHECK(p.tags == tags + 1);
  CHECK(p.l3 == craft.l3 + 4);
  CHECK(p.end == expected.bytes.size());
  CHECK(frame->ol_flags == RTE_MBUF_F_RX_RSS_HASH);
}

TEST_CASE("parse: a tag that cannot be put back", "[parse]") {
  const bool no_room = GENERATE(false, true);
  Craft craft(probe_between(false, Side::outside));
  if (!no_room) craft.resize(13);
  const Owned frame(craft.frame(), release);
  if (no_room) {
    frame->data_off = 3;
    frame->ol_flags = 0;
  }
  frame->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
  Packet p;
  p.frame = frame.get();
  CHECK(parse_frame(p) == Reason::vlan_restore);
}

TEST_CASE("parse: a tag that is only reported is not put in twice", "[parse]") {
  Probe probe = probe_between(false, Side::outside);
  probe.tags = 1;
  const Craft craft(probe);
  const Owned frame(craft.frame(), release);
  frame->ol_flags = RTE_MBUF_F_RX_VLAN;
  Packet p;
  p.frame = frame.get();
  REQUIRE_FALSE(parse_frame(p));
  CHECK(p.tags == 1);
  CHECK(bytes_of(frame.get()) == craft.bytes);
}

TEST_CASE("flow key: one for both directions, the outside end first", "[parse]") {
  const bool v6 = GENERATE(false, true);
  const std::uint8_t protocol = GENERATE(as<std::uint8_t>(), 6, 17, 47);
  const auto key_of = [&](Side from, Side opener) {
    Probe probe = probe_between(v6, from);
    probe.protocol = protocol;
    if (protocol == 47) probe.source_port = probe.destination_port = 0;
    Frame frame(probe);
    frame.packet.from = from;
    frame.packet.key.words.fill(0);
    set_flow_key(frame.packet, opener);
    return frame.packet.key;
  };
  const Probe probe = probe_between(v6, Side::outside);
  const be16 far(protocol == 47 ? std::uint16_t{0} : probe.source_port);
  const be16 near(protocol == 47 ? std::uint16_t{0} : probe.destination_port);
  const FlowKey expected = make_flow_key(v6 ? Family::v6 : Family::v4, protocol,
                                         {parse_address(probe.source).value(), far},
                                         {parse_address(probe.destination).value(), near});
  for (const Side from : {Side::outside, Side::inside})
    for (const Side opener : {Side::outside, Side::inside}) CHECK(key_of(from, opener) == expected);
}

TEST_CASE("flow key: every part of it counts", "[parse]") {
  const bool v6 = GENERATE(false, true);
  const Probe base = probe_between(v6, Side::outside);
  std::vector<Probe> probes(6, base);
  probes[1].source = v6 ? "2001:db8:ffff::8" : "198.51.100.8";
  probes[2].destination = v6 ? "2001:db8:2::10" : "203.0.113.11";
  ++probes[3].source_port;
  ++probes[4].destination_port;
  probes[5].protocol = protocol::kUdp;
  std::vector<FlowKey> keys;
  for (const Probe& probe : probes) {
    Frame frame(probe);
    set_flow_key(frame.packet, Side::outside);
    for (const FlowKey& other : keys) CHECK_FALSE(other == frame.packet.key);
    keys.push_back(frame.packet.key);
  }
}

TEST_CASE("flow key: echo belongs to the side that asked", "[parse]") {
  const bool v6 = GENERATE(false, true);
  const Side opener = GENERATE(Side::outside, Side::inside);
  const auto key_of = [&](Side from, Side who_asked) {
    Probe probe = probe_between(v6, from);
    probe.protocol = v6 ? protocol::kIcmpv6 : protocol::kIcmp;
    probe.source_port = 0x1234;  // the identifier
    Frame frame(probe);
    frame.packet.from = from;
    set_flow_key(frame.packet, who_asked);
    return frame.packet.key;
  };
  // Request and reply share a key; two hosts that ping each other with one identifier do not.
  CHECK(key_of(opener, opener) == key_of(other(opener), opener));
  CHECK_FALSE(key_of(opener, opener) == key_of(other(opener), other(opener)));
  const Probe probe = probe_between(v6, Side::outside);
  const be16 id(0x1234);
  const bool outside = opener == Side::outside;
  CHECK(key_of(opener, opener) ==
        make_flow_key(v6 ? Family::v6 : Family::v4, v6 ? protocol::kIcmpv6 : protocol::kIcmp,
                      {parse_address(probe.source).value(), outside ? id : be16()},
                      {parse_address(probe.destination).value(), outside ? be16() : id}));
}
