// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>
#include <vector>

#include "sources.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr Time kStart = hours(5);

Destination to(const char* address, std::uint16_t port, std::uint8_t protocol = protocol::kTcp) {
  return {from_text(address), port, protocol};
}

Policy allowing() {
  Policy p = trust_policy(Policy::Evidence::attempt);
  p.trust.never_distrust = {*parse_prefix("192.0.2.0/28")};
  p.trust.allow = {{{*parse_prefix("198.51.100.0/28")}, {}},
                   {{*parse_prefix("198.51.100.16/28"), *parse_prefix("2001:db8:2::/64")},
                    {{*parse_prefix("203.0.113.0/25"), {{25, 25}, {80, 90}}, {}},
                     {*parse_prefix("203.0.113.200/32"), {}, {}},
                     {{}, {}, {{53, 53}}}}}};
  return p;
}

struct Told : TrustSink {
  void tell(const TrustEvent& event) override { events.push_back(event); }
  std::vector<TrustEvent> events;
};

}  // namespace

TEST_CASE("An allowance holds for its sources at its destinations") {
  struct Row {
    const char* source;
    Destination destination;
    bool allowed;
  };
  const Row rows[] = {
      {"192.0.2.15", to("203.0.113.250", 1), true},
      {"192.0.2.16", to("203.0.113.250", 1), false},
      {"198.51.100.15", to("203.0.113.250", 1), true},
      {"198.51.100.16", to("203.0.113.250", 1), false},
      {"198.51.100.16", to("203.0.113.127", 25), true},
      {"198.51.100.16", to("203.0.113.127", 26), false},
      {"198.51.100.16", to("203.0.113.127", 90), true},
      {"198.51.100.16", to("203.0.113.128", 25), false},
      {"198.51.100.16", to("203.0.113.127", 25, protocol::kUdp), false},
      {"198.51.100.16", to("203.0.113.127", 0, protocol::kIcmp), false},
      {"198.51.100.31", to("203.0.113.200", 1), true},
      {"198.51.100.31", to("203.0.113.200", 0, protocol::kIcmp), true},
      {"198.51.100.31", to("203.0.113.222", 53, protocol::kUdp), true},
      {"198.51.100.31", to("203.0.113.222", 53), false},
      {"198.51.100.32", to("203.0.113.200", 1), false},
      {"2001:db8:2::5", to("2001:db8:1::1", 53, protocol::kUdp), true},
      {"2001:db8:2::5", to("2001:db8:1::1", 80), false},
      {"2001:db8:2:1::5", to("2001:db8:1::1", 53, protocol::kUdp), false},
  };
  for (const Row& r : rows) {
    CAPTURE(r.source, to_string(r.destination.address), r.destination.port);
    Trust t(allowing(), kTrustSecrets, 64, "trust");
    const Address source = from_text(r.source);
    CHECK(t.allows(source, r.destination) == r.allowed);
    // Illegitimate there: no evidence, however it is proven.
    t.illegitimate(source, r.destination, kStart);
    t.proven(source, r.destination, kStart);
    CHECK(t.counters().allowed == (r.allowed ? 2 : 0));
    CHECK(t.counters().unproven + t.counters().proven == (r.allowed ? 0 : 2));
    CHECK((t.level(source, kStart).number == 0) == r.allowed);
    // Distrusted: passed on there alone.
    const bool everywhere = t.allows(source, to("203.0.113.250", 1));
    CHECK(t.distrust(source, kStart + minutes(10), kStart) != everywhere);
    CHECK((t.judge(source, r.destination, kStart) == Decision::pass) == r.allowed);
  }
}

TEST_CASE("Who is allowed and does much is told of: at 20, and each time that it doubles") {
  Trust t(allowing(), kTrustSecrets, 64, "trust");
  Told told;
  t.report_to(&told);
  const Address monitor = from_text("192.0.2.1");
  Time now = kStart;
  for (int i = 0; i < 100; ++i, now += minutes(10)) {
    t.illegitimate(monitor, target(0), now);
    if (i == 18) CHECK(told.events.empty());
  }
  REQUIRE(told.events.size() == 3);
  CHECK(told.events[0].kind == TrustEvent::Kind::allowed);
  CHECK(told.events[0].count == 20);
  CHECK(told.events[0].source == monitor);
  CHECK_FALSE(told.events[0].proven);
  CHECK(told.events[1].count == 40);
  CHECK(told.events[2].count == 80);
  CHECK(t.counters().allowed == 100);
  CHECK(t.counters().allowed_many == 3);
  CHECK(t.judge(monitor, target(0), now) == Decision::pass);
  // After a quiet day it counts anew.
  now += hours(24);
  for (int i = 0; i < 19; ++i) t.proven(monitor, target(0), now);
  CHECK(told.events.size() == 3);
  t.proven(monitor, target(0), now);
  REQUIRE(told.events.size() == 4);
  CHECK(told.events[3].proven);
  CHECK(told.events[3].count == 20);
}

TEST_CASE("With evidence of proof alone attempts of the allowed are counted all the same") {
  Policy p = allowing();
  p.trust.evidence = Policy::Evidence::proof;
  Trust t(p, kTrustSecrets, 64, "trust");
  for (int i = 0; i < 20; ++i) t.illegitimate(from_text("192.0.2.1"), target(0), kStart);
  CHECK(t.counters().allowed == 20);
  CHECK(t.counters().allowed_many == 1);
}

TEST_CASE("The tally has room for 64, and misses none who does much") {
  AllowedTally tally;
  std::uint32_t told = 0;
  for (int round = 0; round < 100; ++round) {
    if (tally.note(outside(7), true, kStart) != 0) ++told;
    for (std::uint32_t i = 0; i < 10; ++i)
      tally.note(outside(1000 + static_cast<std::uint32_t>(round) * 10 + i), false, kStart);
  }
  CHECK(told == 3);
  std::uint64_t all = 0;
  for (const AllowedSource& s : tally.all()) {
    all += s.attempts;
    if (s.source == outside(7)) {
      CHECK(s.attempts == 100);
      CHECK(s.proven == 100);
    }
  }
  CHECK(all == 1100);
}

TEST_CASE("Distrust by hand lasts as long as was said, then decays") {
  Trust t(trust_policy(Policy::Evidence::proof), kTrustSecrets, 64, "trust");
  const Time span = GENERATE(Time(minutes(1)), Time(minutes(10)), Time(hours(48)));
  CHECK(t.distrust(outside(1), kStart + span, kStart));
  const TrustLevel l = t.level(outside(1), kStart);
  CHECK(l.number == 1);
  CHECK(l.proven);
  CHECK(l.since <= kStart);
  CHECK(l.until == kStart + span);
  CHECK(diverted_share(t, outside(1), 100, kStart + span - nanoseconds(1)) == 1);
  CHECK(t.level(outside(1), kStart + span).number == 2);
  CHECK(t.level(outside(1), kStart + span + minutes(30)).number == 0);
  // What lasts long keeps nothing else from being swept.
  t.proven(outside(2), target(0), kStart + seconds(1));
  t.sweep(kStart + minutes(41), 1000);
  CHECK(t.proven_sources() == (span > minutes(10) ? 1U : 0U));
  t.sweep(kStart + hours(49), 1000);
  CHECK(t.proven_sources() == 0);
}

TEST_CASE("Forgiven by hand, a source is as good as new") {
  const auto evidence = GENERATE(Policy::Evidence::weighted, Policy::Evidence::attempt);
  Trust t(trust_policy(evidence), kTrustSecrets, 64, "trust");
  CHECK_FALSE(t.forgive(outside(1), true).proven);
  for (int i = 0; i < 5; ++i) t.illegitimate(outside(1), target(0), kStart + i * hours(1));
  t.proven(outside(1), target(0), kStart + hours(5));
  t.proven(outside(2), target(0), kStart + hours(5));
  const Trust::Forgiven done = t.forgive(outside(1), false);
  CHECK(done.proven);
  CHECK(done.unproven);
  CHECK(done.prefixes == 0);
  CHECK(t.level(outside(1), kStart + hours(5)).number == 0);
  CHECK(t.judge(outside(1), target(0), kStart + hours(5)) == Decision::pass);
  CHECK(t.level(outside(2), kStart + hours(5)).number == 1);
  t.illegitimate(outside(1), target(0), kStart + hours(5));
  const Time light = evidence == Policy::Evidence::weighted ? Time(seconds(30)) : minutes(10);
  CHECK(t.level(outside(1), kStart + hours(5)).until == kStart + hours(5) + light);
}

TEST_CASE("Forgiven by hand, a source takes its prefixes along if asked") {
  const auto at = [](unsigned net, unsigned n) {
    Address a = from_text("2001:db8:5::7");
    a.bytes[6] = static_cast<std::uint8_t>(net);
    a.bytes[7] = static_cast<std::uint8_t>(n);
    return a;
  };
  Trust t(trust_policy(Policy::Evidence::proof), kTrustSecrets, 1024, "trust");
  for (unsigned net = 0; net < 4; ++net)
    for (unsigned n = 0; n < 4; ++n) t.proven(at(net, n), target(n), kStart);
  REQUIRE(t.escalation().distrusted() == 5);
  SECTION("not asked, and not a member: its prefixes stay") {
    CHECK(t.forgive(at(0, 9), false).prefixes == 0);
    CHECK(t.level(at(0, 9), kStart).number == 1);
  }
  SECTION("not asked: a member less, so its prefixes are over too") {
    const Trust::Forgiven done = t.forgive(at(0, 0), false);
    CHECK(done.proven);
    CHECK(done.prefixes == 2);
    CHECK(t.level(at(0, 9), kStart).number == 0);
    CHECK(t.level(at(1, 9), kStart).number == 1);
    CHECK(t.level(at(9, 9), kStart).number == 0);
    CHECK(t.level(at(0, 1), kStart).number == 1);
    // Proven again it is the fourth again.
    t.proven(at(0, 0), target(0), kStart);
    CHECK(t.level(at(9, 9), kStart).number == 1);
  }
  SECTION("asked: all of them, and they take as many members as ever") {
    CHECK(t.forgive(at(0, 9), true).prefixes == 2);
    CHECK(t.level(at(0, 9), kStart).number == 0);
    CHECK(t.level(at(9, 9), kStart).number == 0);
    CHECK(t.level(at(0, 1), kStart).number == 1);
    CHECK(t.level(at(1, 9), kStart).number == 1);
    for (unsigned n = 20; n < 23; ++n) t.proven(at(0, n), target(n), kStart);
    CHECK(t.level(at(0, 9), kStart).number == 0);
    t.proven(at(0, 23), target(0), kStart);
    CHECK(to_string(t.level(at(0, 9), kStart).on) == "2001:db8:5::/56");
  }
  SECTION("asked of one whose /56 nobody distrusts: the /48") {
    CHECK(t.forgive(at(9, 9), true).prefixes == 1);
    CHECK(t.level(at(9, 9), kStart).number == 0);
    CHECK(t.level(at(0, 9), kStart).number == 1);
  }
}
