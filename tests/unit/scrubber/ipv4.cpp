// SPDX-License-Identifier: BSD-3-Clause
#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

/// Lengthens the IPv4 header by options, with everything else right.
void add_options(Craft& c, const Bytes& options) {
  c.insert(c.l3 + 20, options);
  c.put8(c.l3, 0x45U + static_cast<unsigned>(options.size() / 4)).fit();
}

}  // namespace

TEST_CASE("S-IP4-1: version, lengths, header checksum", "[scrubber]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  const auto flip = [](std::size_t at, unsigned bit) {
    return [=](Craft& c) { c.put8(c.l3 + at, c.bytes.at(c.l3 + at) ^ bit); };
  };
  check_cases(probe_of(false, from, protocol::kUdp, 12), from,
              {{"sound", [](Craft&) {}, {}},
               {"checksum off by one bit", flip(11, 1), Reason::ip4_checksum},
               {"checksum of zero", [](Craft& c) { c.put16(c.l3 + 10, 0); }, Reason::ip4_checksum},
               {"TTL changed on the way", flip(8, 0x40), Reason::ip4_checksum},
               {"source changed on the way", flip(15, 1), Reason::ip4_checksum},
               {"version 5", [](Craft& c) { c.put8(c.l3, 0x55).sum_ip(); }, Reason::ip4_header},
               {"header of 16", [](Craft& c) { c.put8(c.l3, 0x44).sum_ip(); }, Reason::ip4_header},
               {"length past the frame", [](Craft& c) { c.put16(c.l3 + 2, 41).sum_ip(); },
                Reason::ip4_header},
               {"length below the header", [](Craft& c) { c.put16(c.l3 + 2, 19).sum_ip(); },
                Reason::ip4_header},
               {"length that cuts the datagram", [](Craft& c) { c.put16(c.l3 + 2, 39).sum_ip(); },
                Reason::udp_header},
               {"length of the header alone", [](Craft& c) { c.put16(c.l3 + 2, 20).sum_ip(); },
                Reason::udp_header},
               {"header that swallows the datagram", [](Craft& c) { c.put8(c.l3, 0x4a).sum_ip(); },
                Reason::ip4_options}});
}

TEST_CASE("S-IP4-2, S-IP6-1: what stands behind the datagram is cut off", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::uint8_t protocol = GENERATE(as<std::uint8_t>(), 6, 17, 47);
  const std::size_t extra = GENERATE(0U, 1U, 46U, 1400U);
  const Craft sound(probe_of(v6, from, protocol, 9));
  ScrubberBench bench;
  const Scrubbed o = bench.run(Craft(sound).resize(sound.bytes.size() + extra), from);
  REQUIRE_FALSE(o.why);
  CHECK(o.bytes == sound.bytes);
  CHECK(o.packet.end == sound.bytes.size());
}

TEST_CASE("S-IP4-2: a second datagram behind the first is gone", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Craft sound(probe_of(v6, Side::outside, protocol::kUdp, 4));
  Craft two(sound);
  two.bytes.insert(two.bytes.end(), sound.bytes.begin(), sound.bytes.end());
  ScrubberBench bench;
  CHECK(bench.run(two).bytes == sound.bytes);
}

TEST_CASE("S-IP4-3: options", "[scrubber]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  const auto with = [](const Bytes& options) { return [=](Craft& c) { add_options(c, options); }; };
  check_cases(probe_of(false, from, protocol::kTcp), from,
              {{"none", [](Craft&) {}, {}},
               {"no-operation", with({1, 1, 1, 1}), Reason::ip4_options},
               {"end of list", with({0, 0, 0, 0}), Reason::ip4_options},
               {"router alert", with({0x94, 4, 0, 0}), Reason::ip4_options},
               {"loose source route", with({0x83, 7, 4, 192, 0, 2, 1, 0}), Reason::ip4_options},
               {"record route", with({7, 7, 4, 0, 0, 0, 0, 0}), Reason::ip4_options},
               {"timestamps, the longest header", with(Bytes(40, 1)), Reason::ip4_options}});
}

TEST_CASE("S-IP4-4: the reserved flag", "[scrubber]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  const auto flags = [](unsigned f) { return [=](Craft& c) { c.put16(c.l3 + 6, f).sum_ip(); }; };
  check_cases(probe_of(false, from, protocol::kTcp), from,
              {{"none", flags(0), {}},
               {"DF", flags(0x4000), {}},
               {"reserved", flags(0x8000), Reason::ip4_reserved},
               {"reserved and DF", flags(0xc000), Reason::ip4_reserved},
               {"reserved, first fragment", flags(0xa000), Reason::ip4_reserved},
               {"reserved, later fragment", flags(0x8100), Reason::ip4_reserved}});
}

TEST_CASE("S-IP4-5: addresses that nobody has", "[scrubber]") {
  struct Row {
    const char* address;
    bool passes;
  };
  const Row row = GENERATE(
      Row{"0.0.0.0", false}, Row{"0.255.255.255", false}, Row{"1.0.0.0", true},
      Row{"126.255.255.255", true}, Row{"127.0.0.1", false}, Row{"127.255.255.255", false},
      Row{"128.0.0.0", true}, Row{"169.253.255.255", true}, Row{"169.254.0.0", false},
      Row{"169.254.255.255", false}, Row{"169.255.0.0", true}, Row{"223.255.255.255", true},
      Row{"224.0.0.1", false}, Row{"239.255.255.255", false}, Row{"240.0.0.1", false},
      Row{"255.255.255.255", false}, Row{"10.0.0.1", true}, Row{"192.168.0.1", true});
  const Side from = GENERATE(Side::outside, Side::inside);
  Probe probe = probe_of(false, from, protocol::kTcp);
  (from == Side::outside ? probe.source : probe.destination) = row.address;
  CAPTURE(row.address, name_of(from));
  ScrubberBench bench;
  CHECK(bench.run(Craft(probe), from).why ==
        (row.passes ? std::optional<Reason>() : Reason::ip_martian));
}

TEST_CASE("S-IP4-5: broadcast addresses of protected prefixes", "[scrubber]") {
  struct Row {
    const char* address;
    bool passes;
  };
  const Row row = GENERATE(Row{"203.0.113.255", false}, Row{"203.0.113.254", true},
                           Row{"192.0.2.67", false}, Row{"192.0.2.66", true},
                           // RFC 3021: a /31 has no broadcast address.
                           Row{"192.0.2.71", true});
  Probe probe = probe_of(false, Side::outside, protocol::kUdp, 3);
  probe.destination = row.address;
  CAPTURE(row.address);
  ScrubberBench bench;
  CHECK(bench.run(Craft(probe)).why ==
        (row.passes ? std::optional<Reason>() : Reason::ip_broadcast));
  // A network elsewhere may have a host of that number.
  Probe out = probe_of(false, Side::inside, protocol::kUdp, 3);
  out.destination = "198.51.100.255";
  CHECK_FALSE(bench.run(Craft(out), Side::inside).why);
}

TEST_CASE("other protocols keep their fields, for S-IP4-8 to judge", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::uint8_t protocol = GENERATE(as<std::uint8_t>(), 2, 4, 41, 47, 50, 51, 132, 255);
  const Craft craft(probe_of(v6, from, protocol, 0));
  ScrubberBench bench;
  const Scrubbed o = bench.run(craft, from);
  REQUIRE_FALSE(o.why);
  CHECK(o.packet.protocol == protocol);
  CHECK(o.packet.payload == o.packet.l4);
  CHECK(o.packet.payload_length() == 0);
  CHECK(o.packet.source_port == 0);
  CHECK(o.packet.destination_port == 0);
}
