// SPDX-License-Identifier: BSD-3-Clause
// Whom distrust hits, whom it spares, and for how long: through the whole chain.
#include <catch2/catch.hpp>

#include "pair.hpp"

using namespace mitibox;
using namespace mitibox::test;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

/// A source completes a handshake with what is no service.
void guess_wrong(Rig& rig, const std::string& source, const std::string& destination) {
  static std::uint16_t port = 20000;
  Probe p;
  p.source = source;
  p.destination = destination;
  p.source_port = ++port;
  p.destination_port = 22;
  const Outcome o = rig.send(Side::outside, p);
  REQUIRE(o.answers.size() == 1);
  p.flags = A;
  p.sequence += 1;
  p.acknowledgement = o.answers[0].sequence() + 1;
  rig.send(Side::outside, p);
}

/// Segments of the connection pass both ways.
bool goes_on(Pair& pair, std::uint32_t& said, std::uint32_t& heard) {
  const Outcome in = pair.from_client(PA, kClient + 1 + said, pair.cookie + 1 + heard, "more");
  said += 4;
  const Outcome out = pair.from_host(PA, kHost + 1 + heard, kClient + 1 + said, "and back");
  heard += 8;
  return in.end == "forward" && in.passed.size() == 1 && out.end == "forward" &&
         out.passed.size() == 1;
}

/// Whether a new connection of the client reaches its host.
bool reaches(Rig& rig, const Policy& policy, std::uint16_t port) {
  Probe p;
  p.source_port = port;
  const Outcome syn = rig.send(Side::outside, p);
  if (policy.admission == Policy::Admission::forward) return !syn.passed.empty();
  REQUIRE(syn.answers.size() == 1);
  p.flags = A;
  p.sequence += 1;
  p.acknowledgement = syn.answers[0].sequence() + 1;
  return !rig.send(Side::outside, p).passed.empty();
}

/// Somebody scans 200 destinations in the name of the client of Probe, in ten seconds. Answers go
/// to the client, whose kernel resets what it did not ask for.
void scan_in_its_name(Rig& rig) {
  Probe p;
  for (int i = 0; i < 200; ++i) {
    p.destination = "203.0.113." + std::to_string(100 + i % 100);
    p.source_port = static_cast<std::uint16_t>(1024 + i);
    p.destination_port = static_cast<std::uint16_t>(1 + i);
    p.flags = S;
    p.acknowledgement = 0;
    const Outcome o = rig.send(Side::outside, p);
    CHECK(o.passed.empty());
    if (!o.answers.empty()) {
      p.flags = tcp::kRst;
      p.sequence = o.answers[0].acknowledgement();
      rig.send(Side::outside, p);
    }
    rig.wait(std::chrono::milliseconds(50));
  }
}

const std::vector<PartialLevel> kLevels{
    {0.75, Seconds(600)}, {0.5, Seconds(600)}, {0.25, Seconds(600)}};

}  // namespace

TEST_CASE("mercy: distrust spares the connections that a source has", "[chain][trust]") {
  const bool v6 = GENERATE(false, true);
  Pair pair(v6);
  std::uint32_t said = 0;
  std::uint32_t heard = 0;
  pair.connect();
  // The host speaks for itself from its first byte on.
  REQUIRE(pair.from_host(PA, kHost + 1, kClient + 1, "welcome!").passed.size() == 1);
  heard += 8;
  REQUIRE(goes_on(pair, said, heard));
  SECTION("when it guesses wrong itself") {
    guess_wrong(pair.rig, pair.client.source, v6 ? "2001:db8:1::99" : "203.0.113.99");
  }
  SECTION("when its neighbours do") {
    if (!v6) return;
    for (const char* neighbour : {"1", "2", "3", "4"})
      guess_wrong(pair.rig, std::string("2001:db8:ffff:") + neighbour + "::7", "2001:db8:1::99");
    CHECK(to_string(pair.rig.level(pair.client.source).on) == "2001:db8:ffff::/56");
  }
  REQUIRE(pair.rig.level(pair.client.source).number == 1);
  for (int minute = 0; minute < 12; ++minute) {
    CAPTURE(minute);
    REQUIRE(goes_on(pair, said, heard));
    if (pair.rig.level(pair.client.source).number == 1) {
      // And a new one ends with the box.
      Probe p;
      p.source = pair.client.source;
      p.destination = pair.client.destination;
      p.source_port = static_cast<std::uint16_t>(50000 + minute);
      const Outcome syn = pair.rig.send(Side::outside, p);
      REQUIRE(syn.answers.size() == 1);
      p.flags = A;
      p.sequence += 1;
      p.acknowledgement = syn.answers[0].sequence() + 1;
      CHECK(pair.rig.send(Side::outside, p).passed.empty());
    }
    pair.rig.wait(minutes(1));
  }
}

TEST_CASE("mercy: what LAN hosts open goes to whom they like", "[chain][trust]") {
  Pair pair;
  guess_wrong(pair.rig, pair.client.source, "203.0.113.99");
  REQUIRE(pair.rig.level(pair.client.source).number == 1);
  Probe p;
  p.source = "203.0.113.10";
  p.destination = pair.client.source;
  p.source_port = 33000;
  REQUIRE(pair.rig.send(Side::inside, p).passed.size() == 1);
  std::swap(p.source, p.destination);
  std::swap(p.source_port, p.destination_port);
  p.flags = kSynAck;
  p.acknowledgement = p.sequence + 1;
  CHECK(pair.rig.send(Side::outside, p).passed.size() == 1);
}

TEST_CASE("mercy: what is allowed passes by Trust, not by the Ruleset", "[chain][trust]") {
  Policy policy = GENERATE(plain_policy(), handshake_policy());
  const Address client = parse_address("198.51.100.7").value();
  policy.trust.allow = {
      {{{client, 32}}, {{Prefix{parse_address("203.0.113.10").value(), 32}, {}, {}}}}};
  Rig rig(policy);
  guess_wrong(rig, "198.51.100.7", "203.0.113.99");
  REQUIRE(rig.level("198.51.100.7").number == 1);
  CHECK(reaches(rig, policy, 50000));
  // At a port that is no service it meets what all meet, and nothing is held against it.
  CHECK(rig.chain->trust().counters().allowed == 0);
  for (int i = 0; i < 20; ++i) guess_wrong(rig, "198.51.100.7", "203.0.113.10");
  CHECK(rig.chain->trust().counters().allowed >= 20);
  CHECK(rig.chain->trust().counters().allowed_many >= 1);
  CHECK(rig.level("198.51.100.7").until == rig.now().time + minutes(10));
}

TEST_CASE("mercy: the coin holds for the allowed", "[chain][trust]") {
  Policy policy = handshake_policy();
  policy.trust.never_distrust = {*parse_prefix("198.51.100.7")};
  policy.probability = {1, Policy::Retransmission::hold};
  Rig rig(policy);
  CHECK(rig.send(Side::outside, Probe{}).end == "coin");
}

TEST_CASE("mercy: a client in whose name somebody scans", "[chain][trust]") {
  struct Row {
    const char* name;
    Policy::Admission admission;
    Policy::Evidence evidence;
    int shut_out;  ///< s from the scan's first packet, at least, until all get through
    int neutral;   ///< s until nothing is held against it
  };
  using enum Policy::Evidence;
  using enum Policy::Admission;
  const Row rows[] = {
      // The paper: T1, three levels of ten minutes.
      {"paper", forward, attempt, 600, 2400},
      // Light, and partial levels in proportion.
      {"weighted", forward, weighted, 30, 120},
      {"weighted, box answers", handshake, weighted, 0, 0},
      {"proof", handshake, proof, 0, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Policy policy = plain_policy();
    policy.admission = row.admission;
    policy.trust.evidence = row.evidence;
    policy.trust.partial = kLevels;
    Rig rig(policy);
    const Time began = rig.now().time;
    REQUIRE(reaches(rig, policy, 50000));
    scan_in_its_name(rig);
    const TrustLevel after = rig.level("198.51.100.7");
    CHECK(after.number == (row.neutral == 0 ? 0U : 1U));
    CHECK_FALSE(after.proven);
    const auto age = [&] {
      return std::chrono::duration_cast<seconds>(rig.now().time - began).count();
    };
    std::uint16_t port = 50001;
    while (age() < row.shut_out) {
      CHECK_FALSE(reaches(rig, policy, port++));
      rig.wait(seconds(2));
    }
    while (rig.level("198.51.100.7").number != 0) rig.wait(seconds(1));
    CHECK(age() <= std::max<long>(row.neutral, 10) + 1);
    for (int i = 0; i < 20; ++i) CHECK(reaches(rig, policy, port++));
  }
}
