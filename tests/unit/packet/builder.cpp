// SPDX-License-Identifier: BSD-3-Clause
#include "packet/builder.hpp"

#include <catch2/catch.hpp>

#include "probe_frames.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

const IpFields kIp{.ttl = 128, .dont_fragment = true, .id = 0xbeef, .flow_label = 0xabcde};

Probe probe_of(bool v6, unsigned tags = 0) {
  Probe p;
  p.tags = tags;
  if (v6) {
    p.source = "2001:db8:ffff::7";
    p.destination = "2001:db8:1::10";
  }
  return p;
}

}  // namespace

TEST_CASE("A segment goes back the way the probe came") {
  const bool v6 = GENERATE(false, true);
  const unsigned tags = GENERATE(0U, 1U, 2U);
  const Frame probe(probe_of(v6, tags));
  constexpr std::array<std::uint32_t, 1> kOptions{0xb4050402U};  // MSS 1460
  const Builder builder(probe_pool());
  const Seen seen(builder.tcp(probe.packet, kIp,
                              {.sequence = 0x01020304,
                               .acknowledgement = 0xa1a2a3a4,
                               .flags = tcp::kSyn | tcp::kAck,
                               .window = 8192,
                               .options = kOptions}));
  CHECK(seen.sound());
  CHECK(seen.v6 == v6);
  REQUIRE(seen.l3 == 14 + 4 * tags);
  CHECK(seen.ip_length() == (v6 ? 64U : 44U));
  // MACs are swapped, tags and type verbatim.
  CHECK(seen.part(0, 6) == Bytes{0x02, 0, 0, 0, 0, 0x0a});
  CHECK(seen.part(6, 12) == Bytes{0x02, 0, 0, 0, 0, 0x0b});
  const std::uint8_t* original = probe.packet.data();
  CHECK(seen.part(12, seen.l3) == Bytes(original + 12, original + seen.l3));
  if (v6) {
    CHECK(seen.u32(seen.l3) == 0x600abcdeU);
    CHECK(seen.part(seen.l3 + 8, seen.l3 + 24) ==
          Bytes(original + seen.l3 + 24, original + seen.l3 + 40));
  } else {
    CHECK(seen.u8(seen.l3 + 1) == 0);
    CHECK(seen.id() == 0xbeef);
    CHECK(seen.u16(seen.l3 + 6) == 0x4000);
    CHECK(seen.u32(seen.l3 + 12) == 0xcb00710a);
    CHECK(seen.u32(seen.l3 + 16) == 0xc6336407);
  }
  CHECK(seen.ttl() == 128);
  CHECK(seen.protocol() == 6);
  CHECK(seen.u16(seen.l4) == 443);
  CHECK(seen.u16(seen.l4 + 2) == 40000);
  CHECK(seen.sequence() == 0x01020304);
  CHECK(seen.acknowledgement() == 0xa1a2a3a4);
  CHECK(seen.u8(seen.l4 + 12) == 0x60);
  CHECK(seen.flags() == 0x12);
  CHECK(seen.window() == 8192);
  CHECK(seen.u16(seen.l4 + 18) == 0);
  CHECK(seen.tcp_options() == Bytes{2, 4, 5, 180});
}

TEST_CASE("An echo reply has the request's length, identifier, number and data") {
  const bool v6 = GENERATE(false, true);
  const std::size_t size = GENERATE(0U, 1U, 7U, 56U, 1471U, 1472U);
  Probe p = probe_of(v6);
  p.protocol = v6 ? protocol::kIcmpv6 : protocol::kIcmp;
  p.source_port = 0x1234;
  p.sequence = 0xfffe;
  for (std::size_t i = 0; i < size; ++i) p.payload.push_back(static_cast<std::uint8_t>(i * 5));
  const Frame request(p);
  request.packet.icmp().code = 9;  // not echoed
  const Seen seen(Builder(probe_pool()).echo_reply(request.packet, {}));
  CHECK(seen.sound());
  CHECK(seen.ip_length() == request.ip_length());
  CHECK(seen.u16(seen.l4) == (v6 ? 0x8100U : 0x0000U));
  CHECK(seen.u16(seen.l4 + 4) == 0x1234);
  CHECK(seen.u16(seen.l4 + 6) == 0xfffe);
  CHECK(seen.part(seen.l4 + 8, seen.bytes.size()) == p.payload);
  if (!v6) CHECK(seen.u16(seen.l3 + 6) == 0);
}

TEST_CASE("A port unreachable quotes the IP header and eight bytes as they came") {
  const bool v6 = GENERATE(false, true);
  Probe p = probe_of(v6, 1);
  p.protocol = protocol::kUdp;
  p.payload.assign(100, 0x5a);
  const Frame probe(p);
  const Seen seen(Builder(probe_pool()).port_unreachable(probe.packet, kIp));
  CHECK(seen.sound());
  CHECK(seen.ip_length() == Builder::unreachable_length(probe.packet));
  CHECK(seen.ip_length() == (v6 ? 96U : 56U));
  CHECK(seen.u16(seen.l4) == (v6 ? 0x0104U : 0x0303U));
  CHECK(seen.u32(seen.l4 + 4) == 0);
  const std::uint8_t* quoted = probe.packet.data() + probe.packet.l3;
  CHECK(seen.part(seen.l4 + 8, seen.bytes.size()) == Bytes(quoted, quoted + (v6 ? 48 : 28)));
}

TEST_CASE("Data lies behind the header and its options, under the checksum") {
  const bool v6 = GENERATE(false, true);
  const std::size_t size = GENERATE(1U, 2U, 7U, 128U);
  const Frame probe(probe_of(v6));
  const std::vector<std::uint32_t> options =
      GENERATE(std::vector<std::uint32_t>{}, std::vector<std::uint32_t>{0x01010101});
  Bytes payload;
  for (std::size_t i = 0; i < size; ++i) payload.push_back(static_cast<std::uint8_t>(251 * i + 3));
  const Seen seen(
      Builder(probe_pool()).data(probe.packet, kIp, {.flags = 0x18, .options = options}, payload));
  CHECK(seen.sound());
  CHECK(seen.flags() == 0x18);
  const std::size_t header = 20 + 4 * options.size();
  CHECK(seen.ip_length() == (v6 ? 40U : 20U) + header + size);
  CHECK(seen.part(seen.l4 + header, seen.bytes.size()) == payload);
}

TEST_CASE("A datagram cut short is not quoted beyond its end") {
  Probe p = probe_of(false);
  p.protocol = protocol::kUdp;
  Frame probe(p);
  probe.packet.end = static_cast<std::uint16_t>(probe.packet.l4 + 7);
  CHECK(Builder(probe_pool()).port_unreachable(probe.packet, kIp) == nullptr);
}

TEST_CASE("An empty pool and too small a buffer give no frame, and leak none") {
  rte_mempool* pool = small_pool(2);
  const Builder builder(pool);
  const Frame probe(probe_of(false));
  rte_mbuf* a = builder.tcp(probe.packet, kIp, {});
  rte_mbuf* b = builder.tcp(probe.packet, kIp, {});
  REQUIRE(a != nullptr);
  REQUIRE(b != nullptr);
  CHECK(builder.tcp(probe.packet, kIp, {}) == nullptr);
  rte_pktmbuf_free(a);
  rte_pktmbuf_free(b);

  Probe big = probe_of(false);
  big.protocol = protocol::kIcmp;
  big.payload.assign(3000, 1);
  const Frame request(big);
  for (int i = 0; i < 5; ++i) CHECK(builder.echo_reply(request.packet, kIp) == nullptr);
  CHECK(rte_mempool_avail_count(pool) == 2);
  rte_mempool_free(pool);
}

TEST_CASE("Who must get no answer") {
  const auto answerable = [](const std::string& source, const std::string& destination) {
    Probe p;
    p.source = source;
    p.destination = destination;
    return may_answer(Frame(p).packet);
  };
  CHECK(answerable("198.51.100.7", "203.0.113.10"));
  CHECK(answerable("10.0.0.1", "192.168.1.1"));
  CHECK(answerable("223.255.255.255", "1.0.0.0"));
  for (const char* source : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.0.9", "169.254.1.1",
                             "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255"}) {
    INFO(source);
    CHECK_FALSE(answerable(source, "203.0.113.10"));
    CHECK_FALSE(answerable("198.51.100.7", source));
  }
  CHECK_FALSE(answerable("203.0.113.10", "203.0.113.10"));
  CHECK(answerable("2001:db8::1", "2001:db8:1::10"));
  CHECK(answerable("64:ff9b::c633:6407", "2001:db8:1::10"));
  for (const char* source :
       {"::", "::1", "::198.51.100.7", "ff02::1", "ff0e::5", "fe80::1", "febf::1"}) {
    INFO(source);
    CHECK_FALSE(answerable(source, "2001:db8:1::10"));
  }
  CHECK_FALSE(answerable("2001:db8::1", "ff02::1"));
  CHECK_FALSE(answerable("2001:db8::1", "2001:db8::1"));

  Probe p;
  p.source_mac.bytes[0] = 0x01;
  CHECK_FALSE(may_answer(Frame(p).packet));
  p = {};
  p.destination_mac = kBroadcastMac;
  CHECK_FALSE(may_answer(Frame(p).packet));
  Frame none{Probe{}};
  none.packet.family = Family::none;
  CHECK_FALSE(may_answer(none.packet));
}

TEST_CASE("An IPv4-mapped IPv6 source gets no answer") {
  Probe p = probe_of(true);
  Frame frame(p);
  frame.packet.ipv6().source = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 7};
  CHECK_FALSE(may_answer(frame.packet));
}
