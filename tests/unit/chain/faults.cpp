// SPDX-License-Identifier: BSD-3-Clause
// What genuine traffic has to go through when the box has run out of buffers, or of time.
#include <catch2/catch.hpp>
#include <random>

#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

constexpr char kScanner[] = "198.51.100.66";

Probe reverse(Probe p, std::uint8_t flags) {
  std::swap(p.source, p.destination);
  std::swap(p.source_port, p.destination_port);
  std::swap(p.sequence, p.acknowledgement);
  p.flags = flags;
  return p;
}

/// A client's segment on a connection that open() has made.
Probe segment(std::uint16_t port, bool v6) {
  Probe p;
  if (v6) {
    p.source = "2001:db8:ffff::7";
    p.destination = "2001:db8:1::10";
  }
  p.source_port = port;
  p.flags = tcp::kAck | tcp::kPsh;
  p.sequence = 1001;
  p.acknowledgement = 501;
  p.payload.assign(10, 'x');
  return p;
}

void open(Rig& rig, std::uint16_t port, bool v6) {
  Probe p = segment(port, v6);
  p.payload.clear();
  p.flags = tcp::kSyn;
  p.sequence = 1000;
  p.acknowledgement = 0;
  REQUIRE(rig.send(Side::outside, p).end == "forward");
  Probe answer = reverse(p, kSynAck);
  answer.sequence = 500;
  answer.acknowledgement = 1001;
  REQUIRE(rig.send(Side::inside, answer).end == "forward");
  p.flags = tcp::kAck;
  p.sequence = 1001;
  p.acknowledgement = 501;
  REQUIRE(rig.send(Side::outside, p).end == "forward");
}

Probe dark(std::uint16_t port) {
  Probe p;
  p.source = kScanner;
  p.destination = "203.0.113.99";
  p.source_port = port;
  return p;
}

}  // namespace

TEST_CASE("faults: without a buffer of its own the box forges nothing, and forwards all the same",
          "[chain][faults]") {
  const bool v6 = GENERATE(false, true);
  Rig rig;
  open(rig, 40000, v6);
  const std::vector<rte_mbuf*> buffers = rig.take_buffers();
  REQUIRE(!buffers.empty());

  CHECK(rig.send(Side::outside, dark(1)).end == "reply-pool");
  CHECK(rig.send(Side::outside, dark(2)).answers.empty());
  CHECK(rig.send(Side::outside, segment(40000, v6)).passed.size() == 1);
  CHECK(rig.send(Side::inside, reverse(segment(40000, v6), tcp::kAck)).passed.size() == 1);
  open(rig, 40001, v6);  // a new one needs none either
  CHECK(rig.ended(Reason::reply_pool) == 2);

  for (rte_mbuf* b : buffers) rte_pktmbuf_free(b);
  const Outcome again = rig.send(Side::outside, dark(3));
  CHECK(again.end == "answered");
  CHECK(again.answers.size() == 1);
}

TEST_CASE("faults: a clock that leaps forwards ends what its time is over for, and nothing else",
          "[chain][faults]") {
  const bool v6 = GENERATE(false, true);
  const Time leap = GENERATE(as<Time>(), 5s, 1h, 24h * 20);
  CAPTURE(v6, leap.count());
  Policy policy = plain_policy();
  policy.timeouts.established = Seconds(2 * 3600);
  Rig rig(policy);
  open(rig, 40000, v6);
  CHECK(rig.send(Side::outside, dark(1)).end == "answered");
  REQUIRE(rig.level(kScanner).number != 0);
  const ConnectionTable& table = rig.chain->tracker().table(v6 ? Family::v6 : Family::v4);
  REQUIRE(table.size() == 1);

  rig.jump(leap);
  rig.wait(2s);
  const bool over = leap > policy.timeouts.established;
  CHECK(table.size() == (over ? 0U : 1U));
  CHECK(rig.send(Side::outside, segment(40000, v6)).end == (over ? "no-connection" : "forward"));
  CHECK((rig.level(kScanner).number == 0) == (leap > policy.trust.distrusted));
  open(rig, 40001, v6);
  CHECK(rig.send(Side::outside, dark(2)).end == "answered");
}

TEST_CASE("faults: the accounts agree whatever leaps the clock makes", "[chain][faults]") {
  std::mt19937 random(GENERATE(1U, 2U));
  const auto below = [&](unsigned n) {
    return std::uniform_int_distribution<unsigned>(0, n - 1)(random);
  };
  Policy policy = plain_policy();
  policy.admission = Policy::Admission::handshake;
  policy.probability.drop = 0.5;
  policy.tables.connections = 64;
  Rig rig(policy);
  const Time leaps[] = {0ns, 1us, 900ms, 11s, 90s, 10min, 26h};
  for (int i = 0; i < 3000; ++i) {
    std::vector<Probe> burst(1 + below(8));
    for (Probe& p : burst) {
      p = segment(static_cast<std::uint16_t>(40000 + below(40)), below(2) == 0);
      const std::uint8_t flags[] = {tcp::kSyn, tcp::kSyn, tcp::kAck, kSynAck, tcp::kRst, kFinAck};
      p.flags = flags[below(6)];
      p.sequence = 1000 + below(2);
      p.acknowledgement = (p.flags & tcp::kAck) != 0 ? 500 + below(2) : 0;
      if (p.flags == tcp::kSyn) p.payload.clear();
      if (below(3) == 0)
        p.destination =
            p.destination[0] == '2' && p.destination[1] == '0' && p.destination[2] == '3'
                ? "203.0.113.99"
                : "2001:db8:1::99";
    }
    const Side from = below(3) == 0 ? Side::inside : Side::outside;
    if (from == Side::inside)
      for (Probe& p : burst) p = reverse(p, p.flags);
    rig.burst(from, burst);
    rig.jump(leaps[below(7)]);
    rig.wait(10ms);
    if (i % 100 == 0) rig.check_accounts();
  }
  CHECK(rig.ended(Reason::answered) > 100);
  CHECK(rig.ended(Reason::coin) > 100);
}
