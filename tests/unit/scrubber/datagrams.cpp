// SPDX-License-Identifier: BSD-3-Clause
#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

void nothing(Craft& /*c*/) {}

std::function<void(Craft&)> udp16(std::size_t at, unsigned value) {
  return [=](Craft& c) { c.put16(c.l4 + at, value).sum_upper(protocol::kUdp); };
}

/// Type and code, summed for ICMP of either family.
std::function<void(Craft&)> message(unsigned type, unsigned code = 0) {
  return [=](Craft& c) {
    c.put8(c.l4, type).put8(c.l4 + 1, code).sum_upper(c.v4 ? protocol::kIcmp : protocol::kIcmpv6);
  };
}

std::function<void(Craft&)> too_big(unsigned type, unsigned code, std::uint32_t mtu) {
  return [=](Craft& c) {
    c.put32(c.l4 + 4, mtu);
    message(type, code)(c);
  };
}

}  // namespace

TEST_CASE("S-UDP-1: header, length, checksum, ports", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const auto cut = [](std::size_t bytes) {
    return [=](Craft& c) { c.resize(c.l4 + bytes).fit(); };
  };
  const std::optional<Reason> unsummed =
      v6 ? std::optional<Reason>(Reason::udp_checksum) : std::nullopt;
  const Probe probe = probe_of(v6, from, protocol::kUdp, 9);
  check_cases(probe, from,
              {{"sound", nothing, {}},
               {"nothing", cut(0), Reason::udp_header},
               {"one byte short of a header", cut(7), Reason::udp_header},
               {"length 0", udp16(4, 0), Reason::udp_header},
               {"length 7", udp16(4, 7), Reason::udp_header},
               {"length past the datagram", udp16(4, 18), Reason::udp_header},
               {"length 65535", udp16(4, 65535), Reason::udp_header},
               {"checksum", [](Craft& c) { c.put8(c.l4 + 7, c.bytes.at(c.l4 + 7) ^ 1U); },
                Reason::udp_checksum},
               {"no checksum", [](Craft& c) { c.put16(c.l4 + 6, 0); }, unsummed},
               {"source port 0", udp16(0, 0), Reason::udp_port},
               {"destination port 0", udp16(2, 0), Reason::udp_port}});
  ScrubberBench bench;
  const Packet p = bench.run(Craft(probe), from).packet;
  CHECK(p.source_port == probe.source_port);
  CHECK(p.destination_port == probe.destination_port);
  CHECK(p.payload == p.l4 + 8);
  CHECK(p.payload_length() == 9);
}

TEST_CASE("S-UDP-1: what the UDP length leaves out is cut off", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const bool summed = GENERATE(true, false);
  if (v6 && !summed) return;
  const std::size_t data = GENERATE(0U, 1U, 8U);
  const std::size_t extra = GENERATE(1U, 11U);
  Craft shorter(probe_of(v6, from, protocol::kUdp, data));
  if (!summed) shorter.put16(shorter.l4 + 6, 0);
  Craft craft(shorter);
  craft.resize(craft.bytes.size() + extra).fit().resize(craft.bytes.size() + 3);
  ScrubberBench bench;
  const Scrubbed o = bench.run(craft, from);
  REQUIRE_FALSE(o.why);
  CHECK(o.bytes == shorter.bytes);
  CHECK(o.packet.end == shorter.bytes.size());
  CHECK(o.packet.payload_length() == data);
  if (summed) CHECK(o.sound());
}

TEST_CASE("S-ICMP-1: echo requests", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const unsigned echo = v6 ? 128 : 8;
  const std::optional<Reason> odd =
      from == Side::outside ? std::optional<Reason>(Reason::icmp_echo) : std::nullopt;
  check_cases(probe_of(v6, from, icmp_of(v6), 1472), from,
              {{"the longest", message(echo), {}},
               {"code 1", message(echo, 1), odd},
               {"code 9, nmap's IE", message(echo, 9), odd}});
  check_cases(probe_of(v6, from, icmp_of(v6), 1473), from,
              {{"one byte too long", message(echo), odd}});
  ScrubberBench bench;
  const Packet p = bench.run(Craft(probe_of(v6, from, icmp_of(v6), 6)), from).packet;
  CHECK(p.source_port == 40000 - (from == Side::inside ? 40000 - 443 : 0));
  CHECK(p.destination_port == p.source_port);
  CHECK(p.payload == p.l4 + 8);
}

TEST_CASE("S-ICMP: cut short, checksum", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const auto cut = [](std::size_t bytes) {
    return [=](Craft& c) { c.resize(c.l4 + bytes).fit(); };
  };
  check_cases(probe_of(v6, from, icmp_of(v6), 6), from,
              {{"sound", nothing, {}},
               {"nothing", cut(0), Reason::icmp_header},
               {"one byte short of a header", cut(7), Reason::icmp_header},
               {"checksum", [](Craft& c) { c.put8(c.l4 + 3, c.bytes.at(c.l4 + 3) ^ 1U); },
                Reason::icmp_checksum},
               {"checksum of the other family",
                [](Craft& c) { c.sum_upper(c.v4 ? protocol::kIcmpv6 : protocol::kIcmp); },
                Reason::icmp_checksum}});
}

TEST_CASE("S-ICMP-2, S-ICMP-3: the types of ICMP", "[scrubber]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  ScrubberBench bench;
  for (unsigned type = 0; type < 256; ++type) {
    CAPTURE(type);
    Craft craft(probe_of(false, from, protocol::kIcmp, 28));
    message(type)(craft);
    const bool passes = type == 0 || type == 3 || type == 8 || type == 11 || type == 12;
    CHECK(bench.run(craft, from).why == (passes ? std::optional<Reason>() : Reason::icmp_type));
  }
}

TEST_CASE("S-ICMP6-1 to 3: the types of ICMPv6 between networks", "[scrubber]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  ScrubberBench bench;
  for (unsigned type = 0; type < 256; ++type) {
    CAPTURE(type);
    Craft craft(probe_of(true, from, protocol::kIcmpv6, 48));
    too_big(type, 0, 1280)(craft);
    const bool passes = (type >= 1 && type <= 4) || type == 128 || type == 129;
    CHECK(bench.run(craft, from).why == (passes ? std::optional<Reason>() : Reason::icmp_type));
  }
}

TEST_CASE("S-ICMP6-3: path MTU messages below what any link has", "[scrubber]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  check_cases(probe_of(true, from, protocol::kIcmpv6, 48), from,
              {{"1280", too_big(2, 0, 1280), {}},
               {"1279", too_big(2, 0, 1279), Reason::icmp_type},
               {"0", too_big(2, 0, 0), Reason::icmp_type},
               {"more than 16 bits", too_big(2, 0, 0x10000), {}}});
}

TEST_CASE("S-ICMP-2: path MTU messages below what any host takes", "[scrubber]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  check_cases(probe_of(false, from, protocol::kIcmp, 28), from,
              {{"576", too_big(3, 4, 576), {}},
               {"575", too_big(3, 4, 575), Reason::icmp_type},
               {"68", too_big(3, 4, 68), Reason::icmp_type},
               {"0, of routers before RFC 1191", too_big(3, 4, 0), Reason::icmp_type},
               {"the high half means nothing", too_big(3, 4, 0x10000 + 575), Reason::icmp_type},
               {"port unreachable has no MTU", too_big(3, 3, 0), {}},
               {"time exceeded neither", too_big(11, 4, 0), {}}});
}
