// SPDX-License-Identifier: BSD-3-Clause
// What leaves as it came: monitor mode, and bypassed sources.
#include <catch2/catch.hpp>

#include "../packet/craft.hpp"
#include "chain/orders.hpp"
#include "pair.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

Policy monitored(Policy policy = handshake_policy()) {
  policy.mode = Policy::Mode::monitor;
  policy.normalise = {};  // everything that changes packets, as by default
  return policy;
}

Bytes bytes_of(const rte_mbuf* frame) {
  const auto* at = rte_pktmbuf_mtod(frame, const std::uint8_t*);
  return {at, at + frame->data_len};
}

/// Sends it; whether it left by the other port, alone, to the byte.
bool passes(Rig& rig, Side from, rte_mbuf* frame) {
  Bytes before = bytes_of(frame);
  const Outcome o = rig.send(from, frame);
  if (!o.answers.empty() || o.passed.size() != 1) return false;
  // What is read of a frame ends with its datagram.
  if (before.size() > o.passed[0].bytes.size()) before.resize(o.passed[0].bytes.size());
  return o.passed[0].bytes == before;
}
bool passes(Rig& rig, Side from, const Probe& probe) {
  return passes(rig, from, frame_of(probe));
}

Probe reversed(const Probe& p, std::uint8_t flags, std::uint32_t sequence, std::uint32_t ack) {
  Probe a = p;
  std::swap(a.source, a.destination);
  std::swap(a.source_port, a.destination_port);
  std::swap(a.source_mac, a.destination_mac);
  a.flags = flags;
  a.sequence = sequence;
  a.acknowledgement = ack;
  return a;
}

const Watched& watched(const Rig& rig) {
  return rig.chain->counters().monitor;
}

void bypass(Rig& rig, const Policy& policy, Bypass b) {
  b.source =
      parse_prefix("198.51.100.7").value_or(Prefix{parse_address("198.51.100.7").value(), 32});
  if (b.until == Time{}) b.until = rig.now().time + 1h;
  Orders orders(policy);
  REQUIRE(orders.bypasses.add(b));
  rig.chain->obey(orders, rig.now());
}

}  // namespace

TEST_CASE("monitor: frames leave as they came, whatever they are", "[chain][watch]") {
  Rig rig(monitored());
  Probe p;
  p.options = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7};
  CHECK(passes(rig, Side::outside, p));
  CHECK(passes(rig, Side::inside, reversed(p, kSynAck, 5000, p.sequence + 1)));
  Probe outbound = reversed(p, S, 77, 0);
  outbound.destination_port = 80;
  CHECK(passes(rig, Side::inside, outbound));
  SECTION("odd ones") {
    p.flags = tcp::kSyn | tcp::kFin;
    CHECK(passes(rig, Side::outside, p));
    CHECK(watched(rig).would_end[index(Reason::tcp_flags)].get() == 1);
    Craft sum(p);
    sum.put8(sum.bytes.size() - 1, 1);
    CHECK(passes(rig, Side::outside, sum.frame()));
  }
  SECTION("fragments") {
    Craft fragment(p);
    fragment.fragment({.more = true});
    CHECK(passes(rig, Side::outside, fragment.frame()));
    CHECK(watched(rig).fragments_unjudged.get() == 1);
  }
  SECTION("strays") {
    p.flags = A;
    p.source_port = 4444;
    CHECK(passes(rig, Side::outside, p));
    CHECK(watched(rig).would_end[index(Reason::no_connection)].get() == 1);
  }
  CHECK(watched(rig).let.get() >= 3);
  CHECK(rig.chain->counters().made[index(Side::outside)].get() == 0);
}

TEST_CASE("monitor: attempts are judged, and the host decides", "[chain][watch]") {
  Rig rig(monitored());
  Probe p;
  CHECK(passes(rig, Side::outside, p));
  CHECK(watched(rig).would_accept.get() == 1);
  p.destination_port = 8443;  // no service, but somebody answers
  CHECK(passes(rig, Side::outside, p));
  CHECK(watched(rig).would_forge.get() == 1);
  CHECK(rig.level(p.source).number == 0);
  CHECK(passes(rig, Side::inside, reversed(p, kSynAck, 5000, p.sequence + 1)));
  p.flags = A;
  p.sequence += 1;
  p.acknowledgement = 5001;
  CHECK(passes(rig, Side::outside, p));
  CHECK(watched(rig).would_distrust.get() == 1);
  CHECK(rig.level(p.source).number == 1);
  p.flags = S;
  p.source_port = 41000;
  p.destination_port = 443;
  CHECK(passes(rig, Side::outside, p));
  CHECK(watched(rig).would_divert.get() == 1);
}

TEST_CASE("monitor: the coin's share is told, and what it would have delayed", "[chain][watch]") {
  Policy policy = monitored();
  policy.probability.drop = 1;
  Rig rig(policy);
  Probe p;
  CHECK(passes(rig, Side::outside, p));
  CHECK(watched(rig).would_end[index(Reason::coin)].get() == 1);
  CHECK(watched(rig).would_delay.get() == 1);
  p.destination_port = 81;
  CHECK(passes(rig, Side::outside, p));
  CHECK(watched(rig).would_delay.get() == 1);
}

TEST_CASE("monitor: connections that the box has spliced go on", "[chain][watch]") {
  Pair pair;
  pair.connect();
  pair.from_host(PA, kHost + 1, kClient + 1, "a word of the host's");
  Policy policy = handshake_policy();
  policy.mode = Policy::Mode::monitor;
  Orders orders(policy);
  pair.rig.chain->obey(orders, pair.rig.now());
  const Outcome o = pair.from_client(PA, kClient + 1, pair.cookie + 1, "hello");
  REQUIRE(o.passed.size() == 1);
  CHECK(o.passed[0].acknowledgement() == kHost + 1);
  CHECK(watched(pair.rig).translated.get() == 1);
}

TEST_CASE("bypass: a source sees the LAN as it is, for a while", "[chain][watch]") {
  Rig rig(handshake_policy());
  bypass(rig, handshake_policy(), {});
  Probe p;
  p.destination = "203.0.113.99";
  p.destination_port = 22;
  CHECK(passes(rig, Side::outside, p));
  CHECK(passes(rig, Side::inside, reversed(p, tcp::kRst | tcp::kAck, 0, p.sequence + 1)));
  p.flags = 0;  // a NULL scan
  CHECK(passes(rig, Side::outside, p));
  CHECK(watched(rig).bypassed.get() == 3);
  std::size_t told = 0;
  for (const Event& e : rig.events()) told += e.type == EventType::bypass ? 1 : 0;
  CHECK(told == 1);
  CHECK(rig.level(p.source).number == 0);
  SECTION("others do not") {
    p.flags = S;
    p.source = "198.51.100.8";
    CHECK(rig.send(Side::outside, p).answers.size() == 1);
  }
  SECTION("nor does it when the time is over") {
    rig.wait(1h);
    p.flags = S;
    CHECK(rig.send(Side::outside, p).answers.size() == 1);
  }
}

TEST_CASE("bypass: to one destination or port alone", "[chain][watch]") {
  Rig rig(handshake_policy());
  Bypass b;
  b.to = Prefix{parse_address("203.0.113.99").value(), 32};
  b.port = 22;
  b.protocol = protocol::kTcp;
  bypass(rig, handshake_policy(), b);
  Probe p;
  p.destination = "203.0.113.99";
  p.destination_port = 22;
  CHECK(passes(rig, Side::outside, p));
  p.destination_port = 23;
  CHECK(rig.send(Side::outside, p).answers.size() == 1);
  p.destination = "203.0.113.98";
  p.destination_port = 22;
  CHECK(rig.send(Side::outside, p).answers.size() == 1);
}

TEST_CASE("bypass: connections that are there go on through the box", "[chain][watch]") {
  Pair pair;
  pair.connect();
  pair.from_host(PA, kHost + 1, kClient + 1, "a word of the host's");
  bypass(pair.rig, handshake_policy(), {});
  const Outcome o = pair.from_client(PA, kClient + 1, pair.cookie + 1, "hello");
  REQUIRE(o.passed.size() == 1);
  CHECK(o.passed[0].acknowledgement() == kHost + 1);
  // One that a host opens to the source is like any other.
  Probe out = pair.host;
  out.source_port = 50000;
  out.destination_port = 80;
  out.flags = S;
  out.payload.clear();
  CHECK(pair.rig.send(Side::inside, out).end == "forward");
  CHECK(watched(pair.rig).bypassed.get() == 0);
}
