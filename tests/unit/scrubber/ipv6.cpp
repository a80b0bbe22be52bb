// SPDX-License-Identifier: BSD-3-Clause
#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

std::function<void(Craft&)> header(std::uint8_t type, Bytes content = Bytes(8)) {
  return [=](Craft& c) { c.extend(type, content); };
}

void nothing(Craft& /*c*/) {}

}  // namespace

TEST_CASE("S-IP6-1: lengths", "[scrubber]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  const auto length = [](unsigned n) { return [=](Craft& c) { c.put16(c.l3 + 4, n); }; };
  check_cases(probe_of(true, from, protocol::kUdp, 12), from,
              {{"sound", nothing, {}},
               {"one byte more than there is", length(21), Reason::ip6_header},
               {"65535", length(65535), Reason::ip6_header},
               {"one byte cut off", length(19), Reason::udp_header},
               {"nothing left", length(0), Reason::udp_header},
               {"version 5", [](Craft& c) { c.put8(c.l3, 0x50); }, Reason::ip6_header},
               {"jumbogram",
                [](Craft& c) {
                  c.extend(0, {0, 0, 0xc2, 4, 0, 1, 0, 0}).put16(c.l3 + 4, 0);
                },
                Reason::ip6_header},
               {"jumbo option with a length", header(0, {0, 0, 0xc2, 4, 0, 1, 0, 0}),
                Reason::ip6_hop_by_hop}});
}

TEST_CASE("S-IP6-1: addresses that nobody has", "[scrubber]") {
  struct Row {
    const char* address;
    bool passes;
  };
  const Row row =
      GENERATE(Row{"::", false}, Row{"::1", false}, Row{"::2", false}, Row{"::192.0.2.1", false},
               Row{"::ffff:ffff", false}, Row{"::1:0:0", true}, Row{"::fffe:0:0", true},
               Row{"0:0:0:0:1::", true}, Row{"1::", true}, Row{"64:ff9b::1", true},
               Row{"2001:db8:ffff::7", true}, Row{"feff::1", true}, Row{"ff02::1", false},
               Row{"ff0e::1", false}, Row{"ff00::", false});
  const Side from = GENERATE(Side::outside, Side::inside);
  Probe probe = probe_of(true, from, protocol::kTcp);
  (from == Side::outside ? probe.source : probe.destination) = row.address;
  CAPTURE(row.address, name_of(from));
  ScrubberBench bench;
  CHECK(bench.run(Craft(probe), from).why ==
        (row.passes ? std::optional<Reason>() : Reason::ip_martian));
}

TEST_CASE("S-IP6-1: mapped addresses", "[scrubber]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  const auto mapped = [&](Craft& c) {
    const std::size_t at = c.l3 + (from == Side::outside ? 8 : 24);
    for (std::size_t i = 0; i < 10; ++i) c.put8(at + i, 0);
    c.put16(at + 10, 0xffff).put32(at + 12, 0xcb00710a).sum_upper(protocol::kTcp);
  };
  check_cases(probe_of(true, from, protocol::kTcp), from,
              {{"::ffff:203.0.113.10", mapped, Reason::ip_martian}});
}

TEST_CASE("S-IP6-2 to 4: extension headers", "[scrubber]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::uint8_t upper = GENERATE(as<std::uint8_t>(), 6, 17, 58, 47);
  check_cases(
      probe_of(true, from, upper, 12), from,
      {{"none", nothing, {}},
       {"Hop-by-Hop", header(0), Reason::ip6_hop_by_hop},
       {"Hop-by-Hop with router alert", header(0, {0, 0, 5, 2, 0, 0, 1, 0}),
        Reason::ip6_hop_by_hop},
       {"Routing type 0", header(43, {0, 0, 0, 0, 0, 0, 0, 0}), Reason::ip6_routing},
       {"Routing type 2", header(43, {0, 2, 2, 1, 0, 0, 0, 0}), Reason::ip6_routing},
       {"Segment Routing", header(43, {0, 0, 4, 0, 0, 0, 0, 0}), Reason::ip6_routing},
       {"Destination Options", header(60), Reason::ip6_extension},
       {"Mobility", header(135), Reason::ip6_extension},
       {"HIP", header(139), Reason::ip6_extension},
       {"Shim6", header(140), Reason::ip6_extension},
       {"experiment", header(253), Reason::ip6_extension},
       {"experiment", header(254), Reason::ip6_extension},
       {"No Next Header", [](Craft& c) { c.put8(c.l3 + 6, 59); }, Reason::ip6_extension},
       {"Routing behind Destination Options",
        [](Craft& c) { c.extend(43, Bytes(8)).extend(60, Bytes(8)); }, Reason::ip6_extension},
       {"a chain of eighty",
        [](Craft& c) {
          for (int i = 0; i < 80; ++i) c.extend(60, Bytes(8));
        },
        Reason::ip6_extension},
       {"Destination Options behind an atomic fragment header",
        [](Craft& c) { c.extend(60, Bytes(8)).fragment({}); }, Reason::ip6_extension},
       {"Routing behind an atomic fragment header",
        [](Craft& c) { c.extend(43, Bytes(8)).fragment({}); }, Reason::ip6_routing},
       {"Hop-by-Hop behind a fragment header",
        [](Craft& c) {
          c.extend(0, Bytes(8)).fragment({7, 0, true});
        },
        Reason::ip6_hop_by_hop},
       {"No Next Header behind a fragment header",
        [](Craft& c) { c.put8(c.l3 + 6, 59).fragment({}); }, Reason::ip6_extension},
       {"two fragment headers", [](Craft& c) { c.fragment({}).fragment({}); },
        Reason::ip6_extension},
       {"a fragment header cut short", [](Craft& c) { c.fragment({}).resize(c.l3 + 47).fit(); },
        Reason::ip6_extension}});
}

TEST_CASE("S-IP6-4: the other family's ICMP", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::uint8_t wrong = icmp_of(!v6);
  check_cases(probe_of(v6, from, wrong, 8), from,
              {{"ICMP of the other family", nothing, Reason::icmp_type}});
}
