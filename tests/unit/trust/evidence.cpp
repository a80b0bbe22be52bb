// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>

#include "sources.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr Time kStart = hours(5);
constexpr auto kWeighted = Policy::Evidence::weighted;
constexpr auto kAttempt = Policy::Evidence::attempt;

/// A destination whose attempt the source's present level treats so.
Destination one_that(Trust& t, Decision wanted, Time now) {
  for (std::uint32_t i = 0;; ++i)
    if (t.judge(outside(1), target(i), now) == wanted) return target(i);
}

}  // namespace

TEST_CASE("Weighted: each repeat within a day doubles the span, up to T1") {
  Trust t(trust_policy(kWeighted), kTrustSecrets, 1024, "trust");
  Time now = kStart;
  for (const int span : {30, 60, 120, 240, 480, 600, 600}) {
    CAPTURE(span);
    t.illegitimate(outside(1), target(0), now);
    const Time level = seconds(span);  // every level of this policy lasts T1
    CHECK(t.level(outside(1), now + level - nanoseconds(1)).number == 1);
    CHECK(t.level(outside(1), now + level).number == 2);
    CHECK(t.level(outside(1), now + 2 * level).number == 3);
    CHECK(t.level(outside(1), now + 4 * level - nanoseconds(1)).number == 4);
    CHECK(t.level(outside(1), now + 4 * level).number == 0);
    now += hours(23);
  }
  CHECK(t.counters().unproven == 7);
  CHECK(t.proven_sources() == 0);
}

TEST_CASE("Weighted: after a quiet day the next evidence is a first again") {
  Trust t(trust_policy(kWeighted), kTrustSecrets, 1024, "trust");
  t.illegitimate(outside(1), target(0), kStart);
  t.illegitimate(outside(1), target(0), kStart + hours(24) - nanoseconds(1));
  CHECK(t.level(outside(1), kStart + hours(24) + seconds(59)).number == 1);
  t.illegitimate(outside(1), target(0), kStart + hours(48));
  CHECK(t.level(outside(1), kStart + hours(48) + seconds(29)).number == 1);
  CHECK(t.level(outside(1), kStart + hours(48) + seconds(30)).number == 2);
}

TEST_CASE("Weighted: repeats are remembered as long as a distrust that outlasts the day") {
  Policy p = trust_policy(kWeighted);
  p.trust.distrusted = Seconds(3 * 86'400);
  p.trust.light = Seconds(2 * 86'400);
  p.trust.partial.clear();
  Trust t(p, kTrustSecrets, 64, "trust");
  t.illegitimate(outside(1), target(0), kStart);
  t.illegitimate(outside(1), target(0), kStart + hours(47));
  CHECK(t.level(outside(1), kStart + hours(47 + 71)).number == 1);
}

TEST_CASE("Weighted: a light span longer than T1 is T1") {
  Policy p = trust_policy(kWeighted);
  p.trust.distrusted = Seconds(5);
  Trust t(p, kTrustSecrets, 64, "trust");
  t.illegitimate(outside(1), target(0), kStart);
  CHECK(t.level(outside(1), kStart + seconds(5) - nanoseconds(1)).number == 1);
  CHECK(t.level(outside(1), kStart + seconds(5)).number == 2);
  CHECK(t.level(outside(1), kStart + seconds(5 + 1799)).number == 4);
}

TEST_CASE("Weighted: a completed handshake counts for the whole T1, from then") {
  Trust t(trust_policy(kWeighted), kTrustSecrets, 1024, "trust");
  t.illegitimate(outside(1), target(0), kStart);
  t.proven(outside(1), target(1), kStart + seconds(1));
  const TrustLevel l = t.level(outside(1), kStart + seconds(2));
  CHECK(l.proven);
  CHECK(l.until == kStart + seconds(1) + minutes(10));
  CHECK(t.proven_sources() == 1);
}

TEST_CASE("Attempt: proof of a distrusted source keeps its start") {
  Trust t(trust_policy(kAttempt), kTrustSecrets, 1024, "trust");
  t.illegitimate(outside(1), target(0), kStart);
  t.proven(outside(1), target(1), kStart + minutes(9));
  const TrustLevel l = t.level(outside(1), kStart + minutes(9));
  CHECK(l.proven);
  CHECK(l.since == kStart);
  CHECK(l.until == kStart + minutes(10));
  // Both stores tell the same distrust: one draw, not two.
  CHECK(diverted_share(t, outside(1), 100'000, kStart + minutes(25)) == Approx(0.5).margin(0.01));
}

TEST_CASE("Diverted attempts never restart T1, those passed on do") {
  const auto evidence = GENERATE(kWeighted, kAttempt);
  Trust t(trust_policy(evidence), kTrustSecrets, 1024, "trust");
  t.proven(outside(1), target(0), kStart);
  t.proven(outside(1), target(1), kStart + minutes(5));
  CHECK(t.level(outside(1), kStart + minutes(5)).until == kStart + minutes(10));
  const Time partial = kStart + minutes(25);
  t.proven(outside(1), one_that(t, Decision::divert, partial), partial);
  CHECK(t.level(outside(1), partial).since == kStart + minutes(20));
  CHECK(t.counters().proven == 1);
  const Destination passed = one_that(t, Decision::pass, partial);
  t.illegitimate(outside(1), target(0), partial);
  t.proven(outside(1), passed, partial + seconds(1));
  const TrustLevel l = t.level(outside(1), partial + seconds(1));
  CHECK(l.number == 1);
  CHECK(l.proven);
  CHECK(l.since == (evidence == kAttempt ? partial : partial + seconds(1)));
  CHECK(t.counters().proven == 2);
}

TEST_CASE("Weighted: packets alone do not restart what is proven, but are judged beside it") {
  Trust t(trust_policy(kWeighted), kTrustSecrets, 1024, "trust");
  t.proven(outside(1), target(0), kStart);
  const Time partial = kStart + minutes(35);
  t.illegitimate(outside(1), target(0), partial);
  CHECK(diverted_share(t, outside(1), 1000, partial + seconds(29)) == 1.0);
  CHECK_FALSE(t.level(outside(1), partial).proven);
  // 1/4 by proof and 3/4 by the lighter distrust, drawn apart.
  CHECK(diverted_share(t, outside(1), 100'000, partial + seconds(31)) ==
        Approx(1 - 0.75 * 0.25).margin(0.01));
  CHECK(t.level(outside(1), partial + seconds(121)).number == 4);
  CHECK(t.level(outside(1), kStart + minutes(40)).number == 0);
}

TEST_CASE("Other rules: repeats beyond what they grade count as the last of them") {
  Policy policy = trust_policy(kWeighted);
  Trust t(policy, kTrustSecrets, 64, "trust");
  for (int i = 0; i < 6; ++i) t.illegitimate(outside(1), target(0), kStart);
  policy.trust.distrusted = Seconds(60);  // grades of 30 s and 60 s
  Trust::Rules shorter(policy);
  t.adopt(shorter);
  CHECK(t.judge(outside(1), target(1), kStart) == Decision::divert);
  CHECK(t.level(outside(1), kStart).until == kStart + seconds(60));
  CHECK(t.level(outside(1), kStart + seconds(61)).number == 2);
  std::array<TrustLevel, Trust::kGrounds> all;
  REQUIRE(t.grounds(outside(1), kStart, all) == 1);
  CHECK(all[0].until == kStart + seconds(60));
  t.illegitimate(outside(1), target(0), kStart + seconds(30));
  CHECK(t.level(outside(1), kStart + seconds(30)).until == kStart + seconds(90));
}

TEST_CASE("Other rules: where proof alone counts suspicion is nothing") {
  Policy policy = trust_policy(kWeighted);
  Trust t(policy, kTrustSecrets, 64, "trust");
  for (int i = 0; i < 6; ++i) t.illegitimate(outside(1), target(0), kStart);
  t.proven(outside(2), target(0), kStart);
  t.illegitimate(outside(2), target(0), kStart + minutes(35));
  policy.trust.evidence = Policy::Evidence::proof;
  Trust::Rules proof(policy);
  t.adopt(proof);
  CHECK(t.judge(outside(1), target(1), kStart) == Decision::pass);
  CHECK_FALSE(t.would_divert(outside(1), target(1), kStart));
  CHECK(t.level(outside(1), kStart).number == 0);
  std::array<TrustLevel, Trust::kGrounds> all;
  CHECK(t.grounds(outside(1), kStart, all) == 0);
  t.illegitimate(outside(1), target(0), kStart);
  CHECK(t.level(outside(1), kStart).number == 0);
  // What is proven counts as before, and alone.
  CHECK(t.level(outside(2), kStart + minutes(35)).number == 4);
  CHECK(t.grounds(outside(2), kStart, all) == 1);
  // The old rules come back: so does what they made of it.
  t.adopt(proof);
  CHECK(t.level(outside(1), kStart).number == 1);
}
