// SPDX-License-Identifier: BSD-3-Clause
// What one fragment shows alone.
#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

/// A piece of a datagram of `protocol`: with its transport header when the offset is 0, else bare.
struct Piece {
  unsigned offset = 0;
  bool more = true;
  std::size_t length = 64;  ///< of the piece, transport header included
  std::uint8_t protocol = protocol::kUdp;
};

Craft piece_of(bool v6, Side from, const Piece& piece) {
  Probe probe = probe_of(v6, from, piece.protocol, 1400);
  probe.flags = tcp::kAck;
  Craft c(probe);
  return c.resize(c.l4 + piece.length).fragment({7, piece.offset, piece.more});
}

struct Door : ScrubberBench {
  Door(bool ipv6, Side side) : v6(ipv6), from(side) {}

  std::optional<Reason> send(const Craft& craft) {
    const Scrubbed o = run(craft, from);
    if (!o.why) CHECK(o.packet.verdict == Verdict::gather);
    return o.why;
  }
  std::optional<Reason> send(const Piece& piece) { return send(piece_of(v6, from, piece)); }

  bool v6;
  Side from;
};

constexpr std::nullopt_t kPasses = std::nullopt;

}  // namespace

TEST_CASE("S-FRAG-1: fragments go to the others of their datagram", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::uint8_t protocol = GENERATE(as<std::uint8_t>(), 6, 17, 47);
  const unsigned offset = GENERATE(0U, 64U);
  ScrubberBench bench;
  const Scrubbed o = bench.run(piece_of(v6, from, {offset, true, 64, protocol}), from);
  REQUIRE_FALSE(o.why);
  CHECK(o.packet.verdict == Verdict::gather);
  CHECK(o.packet.fragment == (offset == 0 ? Fragment::first : Fragment::later));
  CHECK(o.packet.protocol == protocol);
  CHECK(o.packet.l4 == o.packet.l3 + (v6 ? 48 : 20));
  CHECK(o.packet.end == o.packet.l4 + 64);
}

TEST_CASE("S-FRAG-3: a first fragment holds the whole transport header", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Door door(v6, from);
  const auto first = [&](std::uint8_t protocol, std::size_t length) {
    return door.send(Piece{0, true, length, protocol});
  };
  CHECK(first(protocol::kUdp, 8) == kPasses);
  CHECK(first(protocol::kTcp, 8) == Reason::fragment_first);
  CHECK(first(protocol::kTcp, 16) == Reason::fragment_first);
  CHECK(first(protocol::kTcp, 24) == kPasses);
  CHECK(first(47, 8) == kPasses);

  // Options count as header.
  Probe probe = probe_of(v6, from, protocol::kTcp, 64);
  probe.flags = tcp::kAck;
  probe.options.assign(12, tcp::kOptionNop);
  Craft options(probe);
  CHECK(door.send(Craft(options).resize(options.l4 + 24).fragment({9, 0, true})) ==
        Reason::fragment_first);
  CHECK(door.send(Craft(options).resize(options.l4 + 32).fragment({9, 0, true})) == kPasses);
}

TEST_CASE("S-FRAG-3: empty, odd and overlong fragments", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Door door(v6, from);
  CHECK(door.send(Piece{0, true, 0}) == Reason::fragment_bounds);
  CHECK(door.send(Piece{0, true, 0, 47}) == Reason::fragment_bounds);
  CHECK(door.send(Piece{0, true, 63}) == Reason::fragment_bounds);
  CHECK(door.send(Piece{}) == kPasses);
  CHECK(door.send(Piece{64, true, 0}) == Reason::fragment_bounds);
  CHECK(door.send(Piece{64, false, 0}) == Reason::fragment_bounds);
  CHECK(door.send(Piece{64, true, 65}) == Reason::fragment_bounds);
  CHECK(door.send(Piece{64, false, 65}) == kPasses);
  // The ping of death: IPv4 counts its header, IPv6 does not.
  const unsigned last = 65528;
  CHECK(door.send(Piece{last, false, 8}) == Reason::fragment_bounds);
  CHECK(door.send(Piece{last, false, 7}) ==
        (v6 ? kPasses : std::optional<Reason>(Reason::fragment_bounds)));
  CHECK(door.send(Piece{65512, false, 3}) == kPasses);
  CHECK(door.send(Piece{65512, false, 4}) ==
        (v6 ? kPasses : std::optional<Reason>(Reason::fragment_bounds)));
}

TEST_CASE("S-FRAG-5: ICMP in fragments", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Door door(v6, from);
  CHECK(door.send(Piece{0, true, 64, icmp_of(v6)}) == Reason::fragment_icmp);
  CHECK(door.send(Piece{64, false, 64, icmp_of(v6)}) == Reason::fragment_icmp);
  CHECK(door.send(Piece{0, true, 64, icmp_of(!v6)}) == Reason::icmp_type);
  CHECK(door.send(Piece{64, false, 64, icmp_of(!v6)}) == Reason::icmp_type);
}

TEST_CASE("S-IP6-5: extension headers behind a fragment header", "[scrubber][fragment]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  Door door(true, from);
  CHECK(door.send(Piece{0, true, 64, protocol::kHopByHop}) == Reason::ip6_hop_by_hop);
  CHECK(door.send(Piece{0, true, 64, protocol::kIpv6Routing}) == Reason::ip6_routing);
  CHECK(door.send(Piece{0, true, 64, protocol::kIpv6Fragment}) == Reason::ip6_extension);
  CHECK(door.send(Piece{0, true, 64, protocol::kDestinationOptions}) == Reason::ip6_extension);
}

TEST_CASE("S-IP6-6: an atomic fragment becomes the packet it is", "[scrubber]") {
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::uint8_t protocol = GENERATE(as<std::uint8_t>(), 6, 17, 58, 47);
  const unsigned tags = GENERATE(0U, 2U);
  Probe probe = probe_of(true, from, protocol, 9);
  probe.tags = tags;
  const Craft plain(probe);
  Craft atomic(plain);
  atomic.fragment({7, 0, false});
  atomic.put8(atomic.l3 + 41, 0xff).put16(atomic.l3 + 42, 6);  // reserved bits
  ScrubberBench bench;
  const Scrubbed o = bench.run(Craft(atomic).resize(atomic.bytes.size() + 5), from);
  REQUIRE_FALSE(o.why);
  CHECK(o.packet.verdict == Verdict::pending);
  CHECK(o.packet.fragment == Fragment::none);
  CHECK(o.packet.protocol == protocol);
  CHECK(o.packet.l4 == plain.l4);
  CHECK(o.packet.end == plain.bytes.size());
  CHECK(o.bytes == plain.bytes);

  // It is whole, so its checksum counts, and its lengths.
  if (protocol == 47) return;
  const std::size_t last = atomic.bytes.size() - 1;
  CHECK(bench.run(Craft(atomic).put8(last, 0x5b), from).why == (protocol == 6 ? Reason::tcp_checksum
                                                                : protocol == 17
                                                                    ? Reason::udp_checksum
                                                                    : Reason::icmp_checksum));
  CHECK(bench.run(Craft(plain).resize(plain.l4 + 7).fit().fragment({}), from).why ==
        (protocol == 6    ? Reason::tcp_header
         : protocol == 17 ? Reason::udp_header
                          : Reason::icmp_header));
}
