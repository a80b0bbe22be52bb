// SPDX-License-Identifier: BSD-3-Clause
#include <bitset>

#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace mitibox::tcp;

namespace {

Policy keep_ecn() {
  Policy policy = scrubber_policy();
  policy.normalise.ecn = Policy::Ecn::keep;
  return policy;
}

}  // namespace

TEST_CASE("S-TCP-1: header, checksum, ports; fields of Packet", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Probe probe = probe_of(v6, from, protocol::kTcp, 3);
  probe.options.assign(4, kOptionNop);
  const auto cut = [](std::size_t bytes) {
    return [=](Craft& c) { c.resize(c.l4 + bytes).fit(); };
  };
  const auto offset = [](unsigned words) {
    return [=](Craft& c) { c.put8(c.l4 + 12, words << 4U).sum_upper(protocol::kTcp); };
  };
  const auto port = [](std::size_t at, unsigned value) {
    return [=](Craft& c) { c.put16(c.l4 + at, value).sum_upper(protocol::kTcp); };
  };
  check_cases(probe, from,
              {{"sound", [](Craft&) {}, {}},
               {"nothing", cut(0), Reason::tcp_header},
               {"ports alone", cut(4), Reason::tcp_header},
               {"one byte short of a header", cut(19), Reason::tcp_header},
               {"options cut", cut(23), Reason::tcp_header},
               {"offset 0", offset(0), Reason::tcp_header},
               {"offset 4", offset(4), Reason::tcp_header},
               {"offset 5: the options become data", offset(5), {}},
               {"offset past the end", offset(7), Reason::tcp_header},
               {"offset 15", offset(15), Reason::tcp_header},
               {"checksum", [](Craft& c) { c.put8(c.l4 + 17, c.bytes.at(c.l4 + 17) ^ 1U); },
                Reason::tcp_checksum},
               {"checksum of zero", [](Craft& c) { c.put16(c.l4 + 16, 0); }, Reason::tcp_checksum},
               {"checksum over padding",
                [](Craft& c) {
                  const std::size_t whole = c.bytes.size();
                  c.resize(whole + 2).sum_upper(protocol::kTcp);
                },
                Reason::tcp_checksum},
               {"address changed on the way",
                [](Craft& c) {
                  const std::size_t at = c.l4 - 1;
                  c.put8(at, c.bytes.at(at) ^ 1U).sum_ip();
                },
                Reason::tcp_checksum},
               {"data changed on the way", [](Craft& c) { c.put8(c.bytes.size() - 1, 0x5b); },
                Reason::tcp_checksum},
               {"source port 0", port(0, 0), Reason::tcp_port},
               {"destination port 0", port(2, 0), Reason::tcp_port},
               {"ports 1", [&](Craft& c) { port(0, 1)(c), port(2, 1)(c); }, {}}});

  probe.sequence = 0x12345678;
  probe.acknowledgement = 0x9abcdef0;
  probe.flags = kAck | kPsh;
  ScrubberBench bench;
  const Packet p = bench.run(Craft(probe), from).packet;
  CHECK(p.source_port == probe.source_port);
  CHECK(p.destination_port == probe.destination_port);
  CHECK(p.sequence == 0x12345678);
  CHECK(p.acknowledgement == 0x9abcdef0);
  CHECK(p.window == 1024);
  CHECK(p.tcp_flags == (kAck | kPsh));
  CHECK(p.payload == p.l4 + 24);
  CHECK(p.payload_length() == 3);
}

TEST_CASE("S-TCP-2: the 256 combinations of flags", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const bool keep = GENERATE(false, true);
  ScrubberBench bench(keep ? keep_ecn() : scrubber_policy());
  // As the table of the rule reads: S; SA; A; FA; R; RA; P only with A.
  const std::vector<unsigned> legal{kSyn, kSyn | kAck, kAck,        kFin | kAck,
                                    kRst, kRst | kAck, kPsh | kAck, kFin | kPsh | kAck};
  std::size_t passed = 0;
  for (unsigned flags = 0; flags < 256; ++flags) {
    CAPTURE(v6, keep, flags);
    Probe probe = probe_of(v6, from, protocol::kTcp, 5);
    probe.flags = static_cast<std::uint8_t>(flags);
    unsigned expected = flags & ~unsigned{kEce | kCwr};
    if ((flags & kAck) != 0) expected &= ~unsigned{kUrg};
    const bool passes = std::find(legal.begin(), legal.end(), expected) != legal.end();
    if (keep) expected |= flags & (kEce | kCwr);
    const Scrubbed o = bench.run(Craft(probe), from);
    if (!passes) {
      CHECK(o.why == Reason::tcp_flags);
      continue;
    }
    ++passed;
    REQUIRE_FALSE(o.why);
    CHECK(o.packet.tcp_flags == expected);
    CHECK(o.u8(o.packet.l4 + 13U) == expected);
    CHECK(o.sound());
  }
  CHECK(passed == 4 * (8 + 6));
}

TEST_CASE("S-TCP-2: reserved bits and the urgent pointer become zero", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const bool keep = GENERATE(false, true);
  const unsigned reserved = GENERATE(range(0U, 16U));
  const unsigned urgent = GENERATE(0U, 1U, 0xffffU);
  Craft craft(probe_of(v6, Side::outside, protocol::kTcp, 4));
  craft.put8(craft.l4 + 12, 0x50 | reserved).put8(craft.l4 + 13, kAck | kUrg);
  craft.put16(craft.l4 + 18, urgent).sum_upper(protocol::kTcp);
  ScrubberBench bench(keep ? keep_ecn() : scrubber_policy());
  const Scrubbed o = bench.run(craft);
  REQUIRE_FALSE(o.why);
  CHECK(o.u16(craft.l4 + 12) == 0x5010);
  CHECK(o.u16(craft.l4 + 18) == 0);
  CHECK(o.sound());
  craft.put16(craft.l4 + 12, 0x5010).put16(craft.l4 + 18, 0).sum_upper(protocol::kTcp);
  CHECK(o.bytes == craft.bytes);
}

TEST_CASE("S-TCP-3: options", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  struct Row {
    const char* what;
    Bytes options;
    bool passes;
  };
  const Bytes stamps{8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
  const auto joined = [](Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  Bytes longest{5, 34};
  longest.resize(34, 9);
  const Row row = GENERATE_COPY(
      Row{"a usual SYN", joined({2, 4, 5, 0xb4, 4, 2}, joined(stamps, {1, 3, 3, 7})), true},
      Row{"a usual segment", joined({1, 1}, stamps), true},
      Row{"timestamps first", joined(stamps, {1, 1}), true},
      Row{"timestamps twice", joined(joined({1, 1}, stamps), joined(stamps, {1, 1})), false},
      Row{"timestamps of 9", {1, 1, 8, 9, 0, 0, 0, 0, 0, 0, 0, 1}, false},
      Row{"timestamps past the end", {1, 1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0}, false},
      Row{"nothing but NOPs", Bytes(40, 1), true}, Row{"MSS of 3", {2, 3, 1, 1}, false},
      Row{"MSS of 5", {2, 5, 1, 1, 1, 1, 1, 1}, false},
      Row{"MSS twice", {2, 4, 5, 0xb4, 2, 4, 5, 0xb4}, false},
      Row{"MSS past the end", {1, 2, 4, 5}, false}, Row{"scale of 2", {3, 2, 1, 1}, false},
      Row{"scale of 3", {3, 3, 7, 1}, true}, Row{"scale of 4", {3, 4, 7, 1}, false},
      Row{"scale twice", {3, 3, 7, 1, 3, 3, 7, 1}, false},
      Row{"SACK permitted of 3", {4, 3, 1, 1}, false},
      Row{"SACK of one block", {1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2}, true},
      Row{"SACK of four", joined(longest, {1, 1}), true}, Row{"SACK of none", {1, 1, 5, 2}, false},
      Row{"SACK of 9", {5, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1}, false},
      Row{"unknown", {77, 4, 1, 1}, true}, Row{"unknown twice", {77, 2, 77, 2}, false},
      Row{"kinds 64 apart", {13, 2, 77, 2}, true}, Row{"unknown of 0", {77, 0, 1, 1}, false},
      Row{"unknown of 1", {77, 1, 1, 1}, false}, Row{"unknown past the end", {77, 5, 1, 1}, false},
      Row{"unknown of 255", {77, 255, 1, 1}, false},
      Row{"kind without a length", {1, 1, 1, 77}, false}, Row{"kind 255", {255, 4, 0, 0}, true},
      Row{"end at once", {0, 0, 0, 0}, true}, Row{"end at last", {1, 1, 1, 0}, true});
  CAPTURE(row.what, v6);
  Probe probe = probe_of(v6, from, protocol::kTcp, 2);
  probe.flags = kAck;
  probe.options = row.options;
  ScrubberBench bench;
  const Craft craft(probe);
  const Scrubbed o = bench.run(craft, from);
  CHECK(o.why == (row.passes ? std::optional<Reason>() : Reason::tcp_options));
  if (row.passes) CHECK(o.bytes == craft.bytes);
}

TEST_CASE("S-TCP-3: bytes behind the end of the list become zero", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const std::size_t end = GENERATE(range(std::size_t{0}, std::size_t{16}));
  Probe probe = probe_of(v6, Side::outside, protocol::kTcp, 7);
  // Behind the end there may be anything: wrong lengths, repetitions.
  probe.options = {1, 1, 1, 1, 1, 1, 1, 1, 2, 9, 2, 9, 0xff, 0xff, 0xfe, 0xff};
  for (std::size_t i = 0; i < end; ++i) probe.options[i] = 1;
  probe.options[end] = 0;
  ScrubberBench bench;
  const Scrubbed o = bench.run(Craft(probe));
  REQUIRE_FALSE(o.why);
  std::fill(probe.options.begin() + static_cast<std::ptrdiff_t>(end), probe.options.end(),
            std::uint8_t{0});
  CHECK(o.sound());
  CHECK(o.bytes == Craft(probe).bytes);
}

TEST_CASE("checksums: what verifying ports call right is not summed again", "[scrubber]") {
  const std::uint64_t flag = GENERATE(RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD,
                                      RTE_MBUF_F_RX_L4_CKSUM_NONE, std::uint64_t{0});
  const bool verified = GENERATE(false, true);
  const Scrubber scrubber(scrubber_policy(), verified);
  Craft craft{Probe{}};
  craft.put8(craft.l4 + 16, craft.bytes[craft.l4 + 16] ^ 1U);
  Packet p;
  p.frame = craft.frame();
  p.frame->ol_flags |= flag;
  p.klass = Class::inbound;
  REQUIRE_FALSE(parse_frame(p));
  scrubber.scrub(p);
  const bool believed = verified && flag == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  CHECK((p.verdict == Verdict::pending) == believed);
  if (!believed) CHECK(p.reason == Reason::tcp_checksum);
  release(p.frame);
}
