// SPDX-License-Identifier: BSD-3-Clause
// What is foretold of an attempt is what it meets.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "pair.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

using Fate = Forecast::Fate;
using Why = Forecast::Why;
using Evidence = Forecast::Evidence;

Forecast foretell(const Rig& rig, const Probe& p) {
  const bool ports = p.protocol == protocol::kTcp || p.protocol == protocol::kUdp;
  return rig.chain->foretell(parse_address(p.source).value(),
                             {parse_address(p.destination).value(),
                              ports ? p.destination_port : std::uint16_t{0}, p.protocol},
                             rig.now());
}

Probe attempt(const std::string& destination, std::uint16_t port,
              std::uint8_t protocol = protocol::kTcp) {
  Probe p;
  p.destination = destination;
  p.destination_port = port;
  p.protocol = protocol;
  if (destination.find(':') != destination.npos) {
    p.source = "2001:db8:ffff::7";
    if (protocol == protocol::kIcmp) p.protocol = protocol::kIcmpv6;
  }
  return p;
}

/// What a packet met, as far as one packet shows: with admission by handshake who completes it is
/// told apart later.
Fate met(const Outcome& o) {
  if (!o.passed.empty()) return Fate::host;
  if (o.answers.empty()) return Fate::forged;
  return (o.answers[0].protocol() == protocol::kTcp && (o.answers[0].flags() & tcp::kRst) != 0)
             ? Fate::closed
             : Fate::forged;
}

std::uint64_t evidence(const Rig& rig) {
  return rig.chain->trust().counters().unproven + rig.chain->trust().counters().proven;
}

/// Sends it, and completes the handshake that it is offered. Whether its host hears of it.
bool reaches_host(Rig& rig, Probe p) {
  const Outcome first = rig.send(Side::outside, p);
  if (!first.passed.empty()) return true;
  if (p.protocol != protocol::kTcp || first.answers.empty() ||
      (first.answers[0].flags() & tcp::kRst) != 0)
    return false;
  p.flags = tcp::kAck;
  ++p.sequence;
  p.acknowledgement = first.answers[0].sequence() + 1;
  return !rig.send(Side::outside, p).passed.empty();
}

}  // namespace

TEST_CASE("forecast: it comes as foretold", "[chain][forecast]") {
  Policy policy = GENERATE(plain_policy(), handshake_policy());
  policy.trust.evidence =
      GENERATE(Policy::Evidence::attempt, Policy::Evidence::weighted, Policy::Evidence::proof);
  policy.trust.partial = {{0.5, Seconds(300)}};
  policy.trust.escalate.ipv6.clear();  // sources here are neighbours
  if (GENERATE(false, true)) {
    policy.reply.surface = Policy::Surface::sparse;
    policy.reply.decoys = {{{1, 1000}}, 0.5, 0};
  }
  const auto level = GENERATE(0U, 1U, 2U);
  const bool never = GENERATE(false, true);
  if (never)
    policy.trust.never_distrust = {parse_prefix("198.51.100.0/24").value(),
                                   parse_prefix("2001:db8:ffff::/48").value()};
  CAPTURE(policy.admission, policy.trust.evidence, policy.reply.surface, level, never);
  const auto distrust = [&](Rig& rig, const Probe& p) {
    if (level == 0) return;
    const Time first = policy.trust.distrusted;
    const Time now = rig.now().time;
    rig.chain->trust().distrust(parse_address(p.source).value(),
                                level == 1 ? now + first : now - Seconds(1), now);
  };
  Rig rig(policy);
  unsigned number = 0;
  // A source of its own for each look.
  const auto fresh = [&](const std::string& host, std::uint16_t port, std::uint8_t protocol) {
    Probe p = attempt(host, port, protocol);
    ++number;
    p.source = p.source.find(':') == p.source.npos ? fmt::format("198.51.100.{}", number)
                                                   : fmt::format("2001:db8:ffff:{:x}::7", number);
    distrust(rig, p);
    return p;
  };
  for (const std::string host :
       {"203.0.113.10", "203.0.113.25", "203.0.113.77", "2001:db8:1::10", "2001:db8:1::77"})
    for (const std::uint16_t port : std::vector<std::uint16_t>{25, 53, 80, 443, 2000})
      for (const std::uint8_t protocol : {protocol::kTcp, protocol::kUdp, protocol::kIcmp}) {
        if (protocol == protocol::kIcmp && port != 25) continue;
        CAPTURE(host, port, protocol);
        const Probe one = fresh(host, port, protocol);
        const std::uint64_t before = evidence(rig);
        Forecast f = foretell(rig, one);
        CHECK(evidence(rig) == before);
        CHECK(f.never == never);
        CHECK(f.level.number == (never ? 0 : level));
        CHECK(f.handshake ==
              (one.protocol == protocol::kTcp && policy.admission == Policy::Admission::handshake));
        const Outcome o = rig.send(Side::outside, one);
        CHECK((evidence(rig) != before) == (f.evidence == Evidence::packet));
        const bool passes = f.fate == Fate::host || f.fate == Fate::absent;
        if (!f.handshake || !passes) CHECK(met(o) == (passes ? Fate::host : f.fate));

        const Probe two = fresh(host, port, protocol);
        f = foretell(rig, two);
        const std::uint64_t then = evidence(rig);
        CHECK(reaches_host(rig, two) == (f.fate == Fate::host || f.fate == Fate::absent));
        CHECK((evidence(rig) != then) == (f.evidence != Evidence::none));
      }
}

TEST_CASE("forecast: what the box is not concerned with", "[chain][forecast]") {
  Policy policy = plain_policy();
  policy.gateways = {parse_address("203.0.113.1").value()};
  Rig rig(policy);
  const auto f = [&](const char* from, const char* to) {
    Probe p = attempt(to, 80);
    p.source = from;
    return foretell(rig, p);
  };
  CHECK(f("198.51.100.7", "192.0.2.1").why == Why::not_protected);
  CHECK(f("198.51.100.7", "203.0.113.1").why == Why::gateway);
  CHECK(f("203.0.113.1", "203.0.113.10").why == Why::gateway);
  CHECK(f("203.0.113.1", "203.0.113.10").fate == Fate::untouched);
  CHECK(f("203.0.113.5", "203.0.113.10").fate == Fate::hairpin);
}

TEST_CASE("forecast: the coin, and who lives there", "[chain][forecast]") {
  Policy policy = plain_policy();
  policy.probability.drop = 0.5;
  Rig rig(policy);
  CHECK(foretell(rig, attempt("203.0.113.10", 443)).coin);
  CHECK(foretell(rig, attempt("203.0.113.77", 443)).coin);
  CHECK_FALSE(foretell(rig, attempt("203.0.113.25", 25)).coin);  // public
  CHECK(foretell(rig, attempt("203.0.113.10", 443)).fate == Fate::absent);
  Probe from_host;  // shows that it lives
  from_host.source = "203.0.113.10";
  from_host.destination = "198.51.100.9";
  rig.send(Side::inside, from_host);
  CHECK(foretell(rig, attempt("203.0.113.10", 443)).fate == Fate::host);
}

TEST_CASE("forecast: a peer that the LAN addressed is expected", "[chain][forecast]") {
  Rig rig;
  const Probe p = attempt("203.0.113.77", 5000, protocol::kUdp);
  CHECK(foretell(rig, p).evidence == Evidence::packet);
  Probe out = attempt("198.51.100.7", 123, protocol::kUdp);
  out.source = "203.0.113.77";
  rig.send(Side::inside, out);
  CHECK(foretell(rig, p).evidence == Evidence::none);
}
