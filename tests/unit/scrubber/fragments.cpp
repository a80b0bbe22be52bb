// SPDX-License-Identifier: BSD-3-Clause
#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

/// A piece of a datagram of `protocol`: with its transport header when the offset is 0, else bare.
struct Piece {
  unsigned offset = 0;
  bool more = true;
  std::size_t length = 64;  ///< of the piece, transport header included
  std::uint32_t id = 7;
  std::uint8_t protocol = protocol::kUdp;
};

Craft piece_of(bool v6, Side from, const Piece& piece) {
  Probe probe = probe_of(v6, from, piece.protocol, 1400);
  probe.flags = tcp::kAck;
  Craft c(probe);
  return c.resize(c.l4 + piece.length).fragment({piece.id, piece.offset, piece.more});
}

/// A Scrubber behind which every first fragment that it leaves is forwarded.
struct Wire : ScrubberBench {
  Wire(bool ipv6, Side side, std::uint32_t entries = 64)
      : ScrubberBench(scrubber_policy(), entries), v6(ipv6), from(side) {}

  std::optional<Reason> send(const Craft& craft, std::int64_t ms = 0) {
    Scrubbed o;
    Packet& p = o.packet;
    p.frame = craft.frame();
    p.from = from;
    REQUIRE_FALSE(parse_frame(p));
    scrubber.scrub(p);
    if (p.verdict == Verdict::follow) {
      CHECK(p.fragment == Fragment::later);
      scrubber.settle_later(p, at_ms(ms));
      CHECK((p.verdict == Verdict::forward || p.verdict == Verdict::drop));
    } else if (p.verdict == Verdict::pending && p.fragment == Fragment::first) {
      scrubber.forwarded_first(p, at_ms(ms));
    }
    release(p.frame);
    return p.verdict == Verdict::drop ? std::optional<Reason>(p.reason) : std::nullopt;
  }
  std::optional<Reason> send(const Piece& piece, std::int64_t ms = 0) {
    return send(piece_of(v6, from, piece), ms);
  }

  bool v6;
  Side from;
};

constexpr std::nullopt_t kPasses = std::nullopt;

}  // namespace

TEST_CASE("S-FRAG: a first fragment is judged, its fields are set", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::uint8_t protocol = GENERATE(as<std::uint8_t>(), 6, 17, 47);
  ScrubberBench bench;
  Piece piece;
  piece.protocol = protocol;
  const Scrubbed o = bench.run(piece_of(v6, from, piece), from);
  REQUIRE_FALSE(o.why);
  CHECK(o.packet.verdict == Verdict::pending);
  CHECK(o.packet.fragment == Fragment::first);
  CHECK(o.packet.protocol == protocol);
  CHECK(o.packet.l4 == o.packet.l3 + (v6 ? 48 : 20));
  CHECK(o.packet.end == o.packet.l4 + 64);
  if (protocol == 47) return;
  const Probe probe = probe_of(v6, from, protocol);
  CHECK(o.packet.source_port == probe.source_port);
  CHECK(o.packet.destination_port == probe.destination_port);
}

TEST_CASE("S-FRAG: later fragments follow a first that was forwarded", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::uint8_t protocol = GENERATE(as<std::uint8_t>(), 6, 17, 47);
  Wire wire(v6, from);
  const auto part = [&](unsigned offset, bool more, std::size_t length = 64) {
    return Piece{offset, more, length, 7, protocol};
  };
  CHECK(wire.send(part(64, true)) == Reason::fragment_unknown);  // ahead of its first
  CHECK(wire.send(part(0, true)) == kPasses);
  CHECK(wire.send(part(64, true)) == kPasses);
  CHECK(wire.send(part(64, true)) == kPasses);  // the path may repeat it
  CHECK(wire.send(part(192, false, 13)) == kPasses);
  CHECK(wire.send(part(128, true)) == kPasses);  // and change the order
}

TEST_CASE("S-FRAG: what is not of the same datagram does not follow", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Wire wire(v6, from);
  REQUIRE(wire.send(Piece{}) == kPasses);
  const Piece later{64, true, 64, 7, protocol::kUdp};
  struct Row {
    const char* what;
    std::function<void(Craft&)> edit;
  };
  const auto address = [](std::size_t at4, std::size_t at6) {
    return [=](Craft& c) {
      const std::size_t at = c.l3 + (c.v4 ? at4 : at6);
      c.put8(at, c.bytes.at(at) ^ 1U).sum_ip();
    };
  };
  const Row row = GENERATE_COPY(
      Row{"identifier",
          [](Craft& c) { c.v4 ? c.put16(c.l3 + 4, 8).sum_ip() : c.put32(c.l3 + 44, 8); }},
      Row{"high half of the identifier",
          [](Craft& c) { c.v4 ? c.put16(c.l3 + 4, 0x107).sum_ip() : c.put32(c.l3 + 44, 0x10007); }},
      Row{"protocol", [](Craft& c) { c.v4 ? c.put8(c.l3 + 9, 6).sum_ip() : c.put8(c.l3 + 40, 6); }},
      Row{"source", address(15, 23)}, Row{"destination", address(19, 39)});
  CAPTURE(v6, row.what);
  Craft stranger = piece_of(v6, from, later);
  row.edit(stranger);
  CHECK(wire.send(stranger) == Reason::fragment_unknown);
  CHECK(wire.send(later) == kPasses);
}

TEST_CASE("S-FRAG: a first in one direction opens nothing in the other", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  Wire wire(v6, Side::outside);
  REQUIRE(wire.send(Piece{}) == kPasses);
  wire.from = Side::inside;
  const Craft later = piece_of(v6, Side::outside, {64, true, 64, 7, protocol::kUdp});
  CHECK(wire.send(later) == Reason::fragment_unknown);
}

TEST_CASE("S-FRAG-2: later fragments do not reach back into the first", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::uint8_t protocol = GENERATE(as<std::uint8_t>(), 6, 17);
  Wire wire(v6, from);
  REQUIRE(wire.send(Piece{0, true, 64, 7, protocol}) == kPasses);
  for (unsigned offset = 8; offset < 64; offset += 8)
    CHECK(wire.send(Piece{offset, true, 64, 7, protocol}) == Reason::fragment_unknown);
  CHECK(wire.send(Piece{64, true, 64, 7, protocol}) == kPasses);

  // A shorter first that follows lays nothing of the longer one open; a longer one covers more.
  REQUIRE(wire.send(Piece{0, true, 24, 7, protocol}) == kPasses);
  CHECK(wire.send(Piece{24, true, 40, 7, protocol}) == Reason::fragment_unknown);
  CHECK(wire.send(Piece{64, true, 64, 7, protocol}) == kPasses);
  REQUIRE(wire.send(Piece{0, true, 128, 7, protocol}) == kPasses);
  CHECK(wire.send(Piece{64, true, 64, 7, protocol}) == Reason::fragment_unknown);
  // After its time the identifier is free for another datagram.
  REQUIRE(wire.send(Piece{0, true, 24, 7, protocol}, 2001) == kPasses);
  CHECK(wire.send(Piece{24, true, 40, 7, protocol}, 2001) == kPasses);
}

TEST_CASE("S-FRAG-3: a first fragment holds the whole transport header", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Wire wire(v6, from);
  const auto first = [&](std::uint8_t protocol, std::size_t length) {
    return wire.send(Piece{0, true, length, 7, protocol});
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
  CHECK(wire.send(Craft(options).resize(options.l4 + 24).fragment({9, 0, true})) ==
        Reason::fragment_first);
  CHECK(wire.send(Craft(options).resize(options.l4 + 32).fragment({9, 0, true})) == kPasses);
  // Nothing follows what was dropped.
  CHECK(wire.send(Piece{24, true, 64, 10, protocol::kTcp}) == Reason::fragment_unknown);
}

TEST_CASE("S-FRAG: the rules of the transport hold in a first fragment", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Wire wire(v6, from);
  const auto first = [&](std::uint8_t protocol, const std::function<void(Craft&)>& edit) {
    Probe probe = probe_of(v6, from, protocol, 200);
    probe.flags = tcp::kAck;
    Craft c(probe);
    edit(c);
    return wire.send(c.resize(c.l4 + 64).fragment({7, 0, true}));
  };
  const auto put16 = [](std::size_t at, unsigned v) {
    return [=](Craft& c) { c.put16(c.l4 + at, v); };
  };
  const auto flags = [](unsigned v) { return [=](Craft& c) { c.put8(c.l4 + 13, v); }; };
  CHECK(first(protocol::kTcp, put16(0, 0)) == Reason::tcp_port);
  CHECK(first(protocol::kTcp, flags(0)) == Reason::tcp_flags);
  CHECK(first(protocol::kTcp, flags(tcp::kSyn)) == Reason::fragment_first);
  CHECK(first(protocol::kTcp, flags(tcp::kSyn | tcp::kAck)) == Reason::fragment_first);
  CHECK(first(protocol::kTcp, flags(tcp::kRst)) == kPasses);
  CHECK(first(protocol::kUdp, put16(2, 0)) == Reason::udp_port);
  CHECK(first(protocol::kUdp, put16(4, 7)) == Reason::udp_header);
  // More is to come than the UDP length says.
  CHECK(first(protocol::kUdp, put16(4, 64)) == Reason::udp_header);
  CHECK(first(protocol::kUdp, put16(4, 65)) == kPasses);
  CHECK(first(protocol::kUdp, put16(6, 0)) ==
        (v6 ? std::optional<Reason>(Reason::udp_checksum) : kPasses));
}

TEST_CASE("S-FRAG-3: empty, odd and overlong fragments", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Wire wire(v6, from);
  CHECK(wire.send(Piece{0, true, 0}) == Reason::fragment_bounds);
  CHECK(wire.send(Piece{0, true, 0, 7, 47}) == Reason::fragment_bounds);
  CHECK(wire.send(Piece{0, true, 63}) == Reason::fragment_bounds);
  REQUIRE(wire.send(Piece{}) == kPasses);
  CHECK(wire.send(Piece{64, true, 0}) == Reason::fragment_bounds);
  CHECK(wire.send(Piece{64, false, 0}) == Reason::fragment_bounds);
  CHECK(wire.send(Piece{64, true, 65}) == Reason::fragment_bounds);
  CHECK(wire.send(Piece{64, false, 65}) == kPasses);
  // The ping of death: IPv4 counts its header, IPv6 does not.
  const unsigned last = 65528;
  CHECK(wire.send(Piece{last, false, 8}) == Reason::fragment_bounds);
  CHECK(wire.send(Piece{last, false, 7}) ==
        (v6 ? kPasses : std::optional<Reason>(Reason::fragment_bounds)));
  CHECK(wire.send(Piece{65512, false, 3}) == kPasses);
  CHECK(wire.send(Piece{65512, false, 4}) ==
        (v6 ? kPasses : std::optional<Reason>(Reason::fragment_bounds)));
}

TEST_CASE("S-FRAG-5: ICMP in fragments", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Wire wire(v6, from);
  CHECK(wire.send(Piece{0, true, 64, 7, icmp_of(v6)}) == Reason::fragment_icmp);
  CHECK(wire.send(Piece{64, false, 64, 7, icmp_of(v6)}) == Reason::fragment_icmp);
  CHECK(wire.send(Piece{0, true, 64, 7, icmp_of(!v6)}) == Reason::icmp_type);
  CHECK(wire.send(Piece{64, false, 64, 7, icmp_of(!v6)}) == Reason::fragment_unknown);
}

TEST_CASE("S-FRAG: a first fragment is remembered for two seconds", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  Wire wire(v6, Side::outside);
  const Piece later{64, true, 64, 7, protocol::kUdp};
  REQUIRE(wire.send(Piece{}, 1000) == kPasses);
  CHECK(wire.send(later, 3000) == kPasses);
  CHECK(wire.send(later, 3001) == Reason::fragment_unknown);
  REQUIRE(wire.send(Piece{}, 4000) == kPasses);
  CHECK(wire.send(later, 6000) == kPasses);
}

TEST_CASE("S-FRAG-4: a full table forgets the oldest and nothing else", "[scrubber]") {
  const bool v6 = GENERATE(false, true);
  Wire wire(v6, Side::outside, 4);  // one set
  for (std::uint32_t id = 1; id <= 4; ++id)
    REQUIRE(wire.send(Piece{0, true, 64, id}, id) == kPasses);
  REQUIRE(wire.send(Piece{0, true, 64, 1}, 10) == kPasses);  // young again, in its own place
  REQUIRE(wire.send(Piece{0, true, 64, 5}, 11) == kPasses);
  for (std::uint32_t id = 1; id <= 5; ++id) {
    CAPTURE(id);
    CHECK(wire.send(Piece{64, false, 64, id}, 12) ==
          (id == 2 ? std::optional<Reason>(Reason::fragment_unknown) : kPasses));
  }
  CHECK(Fragments::memory_bytes(4096) == 4096 * 16);
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
  // Nothing follows it: it was no first fragment.
  Wire wire(true, from);
  wire.send(atomic);
  CHECK(wire.send(Piece{64, true, 64, 7, protocol}) ==
        (protocol == 58 ? Reason::fragment_icmp : Reason::fragment_unknown));
}
