// SPDX-License-Identifier: BSD-3-Clause
// A full table: who makes room for a burst of one tuple, and that nobody else notices.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <vector>

#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr std::uint32_t kCapacity = 64;

Probe probe_of(unsigned number, bool v6, std::uint8_t protocol = protocol::kTcp) {
  Probe p;
  p.protocol = protocol;
  p.source = (v6 ? "2001:db8:9::" : "198.51.100.") + std::to_string(number);
  p.destination = v6 ? "2001:db8:1::10" : "203.0.113.10";
  p.source_port = static_cast<std::uint16_t>(20000 + number);
  p.destination_port = protocol == protocol::kTcp ? 443 : 53;
  p.sequence = 1000 * number;
  return p;
}

Probe answer_to(Probe p) {
  std::swap(p.source, p.destination);
  std::swap(p.source_port, p.destination_port);
  p.flags = kSynAck;
  p.acknowledgement = p.sequence + 1;
  p.sequence = 77;
  return p;
}

Probe third_of(Probe p) {
  p.flags = tcp::kAck;
  ++p.sequence;
  p.acknowledgement = 78;
  return p;
}

using Image = std::array<std::uint8_t, sizeof(Connection)>;

std::optional<Image> image(const Rig& rig, const Probe& p) {
  const Address source = parse_address(p.source).value();
  const Family family = source.is_v4() ? Family::v4 : Family::v6;
  const FlowKey key =
      make_flow_key(family, p.protocol, {source, be16(p.source_port)},
                    {parse_address(p.destination).value(), be16(p.destination_port)});
  const ConnectionTable& t = rig.chain->tracker().table(family);
  const std::int32_t at = t.find(key.words.data(), t.hash(key.words.data()));
  if (at < 0) return std::nullopt;
  Image out;
  std::memcpy(out.data(), &t[at], out.size());
  return out;
}

struct Full {
  const char* what;
  unsigned settled, datagram, half_open;
  enum { none, first_half_open, first_datagram } goes;
};

/// A rig whose table holds exactly so many of each stage; what opened them, oldest first.
std::vector<Probe> fill(Rig& rig, const Full& f, bool v6) {
  std::vector<Probe> all;
  for (unsigned i = 0; i < kCapacity; ++i) {
    const bool udp = i >= f.settled && i < f.settled + f.datagram;
    const Probe p = probe_of(i + 1, v6, udp ? protocol::kUdp : protocol::kTcp);
    all.push_back(p);
    REQUIRE(rig.send(Side::outside, p).end == "forward");
    if (i >= f.settled + f.datagram) continue;
    REQUIRE(rig.send(Side::inside, answer_to(p)).end == "forward");
    if (!udp) REQUIRE(rig.send(Side::outside, third_of(p)).end == "forward");
  }
  const ConnectionTable& t = rig.chain->tracker().table(v6 ? Family::v6 : Family::v4);
  REQUIRE(t.size() == kCapacity);
  REQUIRE(t.size(Stage::settled) == f.settled);
  REQUIRE(t.size(Stage::datagram) == f.datagram);
  REQUIRE(t.size(Stage::half_open) == f.half_open);
  return all;
}

Policy small() {
  Policy p = plain_policy();
  p.tables.connections = kCapacity;
  return p;
}

const Full kFull[] = {
    {"half-opens have their share", 48, 0, 16, Full::first_half_open},
    {"half-opens go first", 32, 24, 8, Full::first_half_open},
    {"then datagrams", 40, 24, 0, Full::first_datagram},
    {"who settled stays", 64, 0, 0, Full::none},
};

}  // namespace

TEST_CASE("full table: SYN, SYN, RST and SYN of one tuple in one burst", "[chain][full]") {
  const bool v6 = GENERATE(false, true);
  for (const Full& f : kFull) {
    CAPTURE(v6, f.what);
    Rig rig(small());
    const std::vector<Probe> others = fill(rig, f, v6);
    std::vector<std::optional<Image>> before;
    for (const Probe& p : others) before.push_back(image(rig, p));

    const Probe syn = probe_of(100, v6);
    Probe rst = syn;
    rst.flags = tcp::kRst;
    ++rst.sequence;
    Probe again = syn;
    again.sequence += 5000;
    rig.burst(Side::outside, {syn, syn, rst, again});

    unsigned victim = kCapacity;
    if (f.goes == Full::first_half_open) victim = f.settled + f.datagram;
    if (f.goes == Full::first_datagram) victim = f.settled;
    for (unsigned i = 0; i < kCapacity; ++i) {
      CAPTURE(i);
      const std::optional<Image> after = image(rig, others[i]);
      REQUIRE(after.has_value() == (i != victim));
      if (i != victim) REQUIRE(*after == *before[i]);
    }
    CHECK(image(rig, syn).has_value() == (f.goes != Full::none));
    const ConnectionTable& t = rig.chain->tracker().table(v6 ? Family::v6 : Family::v4);
    CHECK(t.size() == kCapacity);
    CHECK(t.evicted() == (f.goes == Full::none ? 0 : 1));
  }
}

TEST_CASE("full table: who was evicted in a burst does not write to who came", "[chain][full]") {
  const bool v6 = GENERATE(false, true);
  Rig rig(small());
  const Full& f = kFull[0];
  const std::vector<Probe> others = fill(rig, f, v6);
  const Probe victim = others[f.settled];
  const Probe syn = probe_of(100, v6);
  // All four were looked up while the victim was there.
  const Outcome o = rig.burst(Side::outside, {syn, third_of(victim), syn, third_of(victim)});
  CHECK(o.passed.size() == 2);
  CHECK_FALSE(image(rig, victim).has_value());
  const auto record = std::bit_cast<Connection>(image(rig, syn).value());
  CHECK(record.state == TcpState::syn_sent);
  CHECK(record.opener_isn == syn.sequence);
  CHECK(record.ends[0].end == syn.sequence + 1);
  CHECK_FALSE(record.replied);
}
