// SPDX-License-Identifier: BSD-3-Clause
// What changes while packets pass.
#include "chain/orders.hpp"

#include <catch2/catch.hpp>

#include "pair.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

void obey(Rig& rig, const Policy& policy, const std::vector<Destination>& found = {}) {
  Orders orders(policy, std::make_shared<const Ruleset>(policy, found));
  rig.chain->obey(orders, rig.now());
}

Destination web(std::uint16_t port = 443) {
  return {parse_address("203.0.113.10").value(), port, protocol::kTcp};
}

/// A whole handshake with the box, of a client of its own; whether a host was called.
bool calls(Rig& rig, const std::string& destination, std::uint16_t port, std::uint16_t from) {
  Probe p;
  p.destination = destination;
  p.destination_port = port;
  p.source_port = from;
  const Outcome syn = rig.send(Side::outside, p);
  REQUIRE(syn.answers.size() == 1);
  p.flags = A;
  p.sequence += 1;
  p.acknowledgement = syn.answers[0].sequence() + 1;
  return !rig.send(Side::outside, p).passed.empty();
}

}  // namespace

TEST_CASE("orders: a service comes and goes, and its connections stay", "[chain][orders]") {
  Pair pair;
  pair.connect();
  Policy without = handshake_policy();
  std::erase_if(without.services, [](const Service& s) { return s.address == web().address; });
  obey(pair.rig, without);
  pair.rig.wait(6s);
  const Outcome o = pair.from_client(PA, kClient + 1, pair.cookie + 1, "still here");
  CHECK(o.passed.size() == 1);
  CHECK_FALSE(calls(pair.rig, "203.0.113.10", 443, 41000));
  CHECK(pair.rig.level("198.51.100.7").number == 1);
  CHECK(pair.from_client(PA, kClient + 11, pair.cookie + 1, "and here").passed.size() == 1);
  obey(pair.rig, handshake_policy());
  pair.rig.chain->trust().forgive(parse_address("198.51.100.7").value());
  CHECK(calls(pair.rig, "203.0.113.10", 443, 41001));
}

TEST_CASE("orders: who began before they changed is judged by the kinder", "[chain][orders]") {
  Pair pair;
  pair.greet();
  Policy without = handshake_policy();
  without.services.clear();
  obey(pair.rig, without);
  SECTION("soon") {
    CHECK(pair.prove().passed.size() == 1);
    CHECK(pair.rig.level("198.51.100.7").number == 0);
  }
  SECTION("late") {
    pair.rig.wait(6s);
    CHECK(pair.prove().passed.empty());
    CHECK(pair.rig.level("198.51.100.7").number == 1);
  }
}

TEST_CASE("orders: what was found is a service", "[chain][orders]") {
  Rig rig(handshake_policy());
  const std::vector<Destination> found{web(8443),
                                       {parse_address("203.0.113.77").value(), 22, protocol::kTcp}};
  obey(rig, handshake_policy(), found);
  CHECK(calls(rig, "203.0.113.10", 8443, 41000));
  CHECK_FALSE(calls(rig, "203.0.113.10", 8444, 41001));
  CHECK(rig.level("198.51.100.7").number == 1);
}

TEST_CASE("orders: connections that were let in are counted by row", "[chain][orders]") {
  Pair pair;
  obey(pair.rig, handshake_policy());
  pair.connect();
  const Orders& orders = pair.rig.chain->orders();
  const auto row = orders.ruleset->row_of(web());
  REQUIRE(row);
  CHECK(orders.hits[*row].count == 1);
  CHECK(orders.hits[*row].last == pair.rig.now().time);
  // What comes back is what was in force.
  Orders next(handshake_policy());
  pair.rig.chain->obey(next, pair.rig.now());
  CHECK(next.hits[*row].count == 1);
  CHECK(pair.rig.chain->orders().hits[*row].count == 0);
}

TEST_CASE("orders: the coin, distrust and timeouts follow", "[chain][orders]") {
  Rig rig;
  Probe p;
  CHECK(rig.send(Side::outside, p).end == "forward");
  Policy changed = plain_policy();
  changed.probability.drop = 1;
  changed.timeouts.half_open = Seconds(40);
  obey(rig, changed);
  p.source_port = 41000;
  CHECK(rig.send(Side::outside, p).end == "coin");
  CHECK(rig.chain->tracker().table(Family::v4).size() == 1);
  rig.wait(30s);
  CHECK(rig.chain->tracker().table(Family::v4).size() == 1);
  rig.wait(15s);
  CHECK(rig.chain->tracker().table(Family::v4).size() == 0);
  changed.probability.drop = 0;
  changed.trust.never_distrust = {parse_prefix("198.51.100.0/24").value()};
  obey(rig, changed);
  p.destination_port = 81;
  rig.send(Side::outside, p);
  CHECK(rig.level("198.51.100.7").number == 0);
  obey(rig, plain_policy());
  p.source_port = 41001;
  rig.send(Side::outside, p);
  CHECK(rig.level("198.51.100.7").number == 1);
}
