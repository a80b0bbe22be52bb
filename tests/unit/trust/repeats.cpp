// SPDX-License-Identifier: BSD-3-Clause
// Sources that are proven again before they are neutral.
#include <catch2/catch.hpp>

#include "sources.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr Time kStart = hours(5);
constexpr auto kProof = Policy::Evidence::proof;

/// A destination to which an attempt passes at that time.
Destination open_way(Trust& t, const Address& source, Time now) {
  std::uint32_t n = 0;
  while (t.would_divert(source, target(n), now)) ++n;
  return target(n);
}

}  // namespace

TEST_CASE("Proven again while partially distrusted, all levels last twice as long") {
  Trust t(trust_policy(kProof, 3), kTrustSecrets, 64, "trust");
  const Address source = outside(1);
  Time start = kStart;
  t.proven(source, target(0), start);
  for (unsigned repeat = 0; repeat < 6; ++repeat) {
    CAPTURE(repeat);
    const unsigned counted = std::min(repeat, 3U);
    const Time step = minutes(10) * (1U << counted);
    for (unsigned i = 0; i < 4; ++i) {
      CHECK(t.level(source, start + i * step).number == i + 1);
      CHECK(t.level(source, start + i * step).until == start + (i + 1) * step);
      CHECK(t.level(source, start + i * step).repeats == counted);
      CHECK(t.level(source, start + (i + 1) * step - nanoseconds(1)).number == i + 1);
    }
    CHECK(t.level(source, start + 4 * step).number == 0);
    CHECK(t.judge(source, target(5), start + step - nanoseconds(1)) == Decision::divert);
    start += step + seconds(1);
    t.proven(source, open_way(t, source, start), start);
  }
}

TEST_CASE("Neutral again, a source is as good as new") {
  Trust t(trust_policy(kProof, 3), kTrustSecrets, 64, "trust");
  t.proven(outside(1), target(0), kStart);
  const Time again = kStart + minutes(12);
  t.proven(outside(1), open_way(t, outside(1), again), again);
  CHECK(t.level(outside(1), again).repeats == 1);
  // Swept or not.
  const Time neutral = again + minutes(80);
  if (GENERATE(true, false)) t.sweep(neutral, 100);
  t.proven(outside(1), target(0), neutral);
  CHECK(t.level(outside(1), neutral).repeats == 0);
  CHECK(t.level(outside(1), neutral).until == neutral + minutes(10));
}

TEST_CASE("Whoever guesses as soon as he may has no more than one guess in forty minutes") {
  // He asks every second, always somewhere else, and knows at once whether he was diverted; he may
  // also wait until he is neutral after each `patience` guesses.
  const unsigned patience = GENERATE(1U, 2U, 3U, 4U, 1000U);
  Trust t(trust_policy(kProof, 3), kTrustSecrets, 64, "trust");
  constexpr unsigned kDays = 4;
  unsigned guesses = 0;
  std::uint32_t asked = 0;
  for (Time now = kStart; now < kStart + hours(24 * kDays); now += seconds(1)) {
    if (guesses % patience == 0 && t.level(outside(1), now).number != 0) continue;
    const Destination d = target(asked++);
    if (t.judge(outside(1), d, now) == Decision::divert) continue;
    t.proven(outside(1), d, now);
    ++guesses;
  }
  CHECK(guesses / (24.0 * kDays) <= 1.5 + 3 / (24.0 * kDays));
}

TEST_CASE("Many at once are one repeat at most") {
  Trust t(trust_policy(kProof, 3), kTrustSecrets, 64, "trust");
  for (std::uint32_t i = 0; i < 50; ++i) t.proven(outside(1), target(i), kStart);
  CHECK(t.level(outside(1), kStart).repeats == 0);
  CHECK(t.counters().proven == 1);
}

TEST_CASE("Repeats are kept over a restart, and under another policy") {
  Trust t(trust_policy(kProof, 3), kTrustSecrets, 64, "trust");
  Time now = kStart;
  t.proven(outside(1), target(0), now);
  for (int i = 0; i < 2; ++i) {
    now = t.level(outside(1), now).until;
    t.proven(outside(1), open_way(t, outside(1), now), now);
  }
  const TrustLevel was = t.level(outside(1), now);
  REQUIRE(was.until == now + minutes(40));
  std::array<SavedSource, 64> saved;
  std::uint32_t cursor = 0;
  REQUIRE(t.save(cursor, saved) == 1);
  Trust after(trust_policy(kProof, 3), kTrustSecrets, 64, "after");
  REQUIRE(after.restore(saved[0], now + minutes(150)));  // of 160
  CHECK(after.level(outside(1), now).until == was.until);
  CHECK(after.level(outside(1), now).repeats == 2);
  CHECK_FALSE(after.restore(saved[0], now + minutes(160)));

  Trust::Rules milder(trust_policy(kProof, 1));
  t.adopt(milder);
  CHECK(t.level(outside(1), now).until == now + minutes(20));
  CHECK(t.level(outside(1), now).repeats == 1);

  // A file may say anything: the next proof counts on from the most.
  Trust nonsense(trust_policy(kProof, 3), kTrustSecrets, 64, "nonsense");
  saved[0].repeats = UINT32_MAX;
  REQUIRE(nonsense.restore(saved[0], now));
  CHECK(nonsense.level(outside(1), now).repeats == 3);
  const Time again = nonsense.level(outside(1), now).until;
  nonsense.proven(outside(1), open_way(nonsense, outside(1), again), again);
  CHECK(nonsense.level(outside(1), again).until == again + minutes(80));
}

TEST_CASE("Repeaters keep nobody else from being swept, and outlast the others in a full table") {
  Trust t(trust_policy(kProof, 3), kTrustSecrets, 4, "trust");
  t.proven(outside(1), target(0), kStart);
  const Time again = kStart + minutes(10);
  t.proven(outside(1), open_way(t, outside(1), again), again);
  for (std::uint32_t i = 2; i < 5; ++i) t.proven(outside(i), target(0), again);
  t.sweep(again + minutes(40), 100);
  CHECK(t.proven_sources() == 1);
  CHECK(t.level(outside(1), again + minutes(40)).number == 3);
  for (std::uint32_t i = 5; i < 8; ++i) t.proven(outside(i), target(0), again + minutes(41));
  t.sweep(again + minutes(42), 100);
  t.proven(outside(9), target(0), again + minutes(43));
  CHECK(t.level(outside(1), again + minutes(43)).number == 3);
  CHECK(t.level(outside(5), again + minutes(43)).number == 0);
  CHECK(t.counters().source_evictions == 1);
}

TEST_CASE("By hand a source is distrusted as if it were the first time") {
  Trust t(trust_policy(kProof, 3), kTrustSecrets, 64, "trust");
  t.proven(outside(1), target(0), kStart);
  const Time again = kStart + minutes(10);
  t.proven(outside(1), open_way(t, outside(1), again), again);
  t.distrust(outside(1), again + minutes(3), again);
  CHECK(t.level(outside(1), again).until == again + minutes(3));
  CHECK(t.level(outside(1), again + minutes(34)).number == 0);
}

TEST_CASE("A prefix outweighs a source unless that is distrusted in full for longer") {
  Trust t(trust_policy(kProof, 3), kTrustSecrets, 64, "trust");
  const auto at = [](unsigned n) {
    Address a = from_text("2001:db8:5::7");
    a.bytes[7] = static_cast<std::uint8_t>(n);
    return a;
  };
  t.proven(at(0), target(0), kStart);
  const Time again = kStart + minutes(10);
  t.proven(at(0), open_way(t, at(0), again), again);
  for (unsigned n = 1; n < 5; ++n) t.proven(at(n), target(n), again + minutes(1));
  // The prefix until 21, the source until 30.
  CHECK(to_string(t.level(at(0), again + minutes(2)).on) == "2001:db8:5::/64");
  CHECK(t.judge(at(0), target(9), again + minutes(19)) == Decision::divert);
  CHECK(to_string(t.level(at(9), again + minutes(2)).on) == "2001:db8:5::/56");
}
