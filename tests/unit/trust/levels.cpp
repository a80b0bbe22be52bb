// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>

#include "sources.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr Time kStart = minutes(3) + nanoseconds(17);

}  // namespace

TEST_CASE("Distrust decays by the paper's levels: 1, 3/4, 1/2, 1/4, 0") {
  const bool proven = GENERATE(false, true);
  Trust t(trust_policy(Policy::Evidence::attempt), kTrustSecrets, 1024, "trust");
  const Address scanner = outside(1);
  CHECK(t.level(scanner, kStart).number == 0);
  if (proven)
    t.proven(scanner, target(0), kStart);
  else
    t.illegitimate(scanner, target(0), kStart);
  const double shares[] = {1, 0.75, 0.5, 0.25, 0, 0};
  for (unsigned i = 0; i < 6; ++i) {
    const Time since = kStart + i * minutes(10);
    const Time until = since + minutes(10);
    CAPTURE(i, proven);
    const unsigned number = i < 4 ? i + 1 : 0;
    const TrustLevel l = t.level(scanner, since);
    CHECK(l.number == number);
    CHECK(l.divert == shares[i]);
    CHECK(t.level(scanner, until - nanoseconds(1)).number == number);
    if (number != 0) {
      CHECK(l.since == since);
      CHECK(l.until == until);
      CHECK(l.proven == proven);
    }
    const double share = diverted_share(t, scanner, 1'000'000, since + minutes(5));
    CHECK(share == Approx(shares[i]).margin(shares[i] == 1 || shares[i] == 0 ? 0 : 0.005));
  }
  CHECK(t.counters().diverted[1] == 1'000'000);
  CHECK(t.counters().passed[1] == 0);
  CHECK(t.counters().diverted[2] == Approx(750'000).margin(5'000));
  CHECK(t.counters().passed[4] == Approx(750'000).margin(5'000));
  CHECK(t.counters().passed[0] == 2'000'000);
}

TEST_CASE("Any number of partial levels, none included") {
  Policy p = trust_policy(Policy::Evidence::attempt);
  p.trust.distrusted = Seconds(2);
  p.trust.partial.clear();
  Trust none(p, kTrustSecrets, 16, "none");
  none.illegitimate(outside(1), target(0), kStart);
  CHECK(none.level(outside(1), kStart + seconds(2) - nanoseconds(1)).number == 1);
  CHECK(none.level(outside(1), kStart + seconds(2)).number == 0);
  for (int i = 0; i < 20; ++i) p.trust.partial.push_back({1 - (i + 1) / 21.0, Seconds(1 + i)});
  Trust many(p, kTrustSecrets, 16, "many");
  many.illegitimate(outside(1), target(0), kStart);
  CHECK(many.level(outside(1), kStart + seconds(2)).number == 2);
  CHECK(many.level(outside(1), kStart + seconds(2 + 210 - 1)).number == 21);
  CHECK(many.level(outside(1), kStart + seconds(2 + 210)).number == 0);
  CHECK(diverted_share(many, outside(1), 1000, kStart + seconds(2 + 209)) < 0.1);
  const auto& c = many.counters();
  CHECK(c.passed[15] + c.diverted[15] == 1000);
}

TEST_CASE("A draw is one per source, destination and level: retrying buys nothing") {
  Trust t(trust_policy(Policy::Evidence::attempt), kTrustSecrets, 1024, "trust");
  t.illegitimate(outside(1), target(0), kStart);
  t.illegitimate(outside(2), target(0), kStart);
  const Time half = kStart + minutes(20);  // level 3, share 1/2
  const std::uint32_t n = 20'000;
  std::uint32_t other_source = 0;
  std::uint32_t other_protocol = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    const Decision first = t.judge(outside(1), target(i), half);
    for (const Time later : {seconds(0), seconds(1), seconds(300), seconds(599)})
      REQUIRE(t.judge(outside(1), target(i), half + later) == first);
    other_source += t.judge(outside(2), target(i), half) == first;
    Destination udp = target(i);
    udp.protocol = protocol::kUdp;
    other_protocol += t.judge(outside(1), udp, half) == first;
  }
  CHECK(other_source / double(n) == Approx(0.5).margin(0.02));
  CHECK(other_protocol / double(n) == Approx(0.5).margin(0.02));
}

TEST_CASE("A new level draws anew, and so does the same level of a later distrust") {
  Trust t(trust_policy(Policy::Evidence::attempt), kTrustSecrets, 1024, "trust");
  const std::uint32_t n = 20'000;
  const auto draws = [&](Time now) {
    std::vector<bool> out(n);
    for (std::uint32_t i = 0; i < n; ++i)
      out[i] = t.judge(outside(1), target(i), now) == Decision::divert;
    return out;
  };
  const auto equal = [&](const std::vector<bool>& a, const std::vector<bool>& b) {
    std::uint32_t same = 0;
    for (std::uint32_t i = 0; i < n; ++i) same += a[i] == b[i];
    return same / double(n);
  };
  t.illegitimate(outside(1), target(0), kStart);
  const auto three_quarters = draws(kStart + minutes(10));
  const auto half = draws(kStart + minutes(20));
  t.illegitimate(outside(1), target(0), kStart + minutes(20));
  const auto half_again = draws(kStart + minutes(40));
  CHECK(equal(three_quarters, half) == Approx(0.5).margin(0.02));
  CHECK(equal(half, half_again) == Approx(0.5).margin(0.02));
}

TEST_CASE("Illegitimate while partially distrusted: distrusted again; judging changes no level") {
  Trust t(trust_policy(Policy::Evidence::attempt), kTrustSecrets, 1024, "trust");
  t.illegitimate(outside(1), target(0), kStart);
  diverted_share(t, outside(1), 1000, kStart + minutes(15));
  CHECK(t.level(outside(1), kStart + minutes(15)).number == 2);
  t.illegitimate(outside(1), target(0), kStart + minutes(15));
  const TrustLevel l = t.level(outside(1), kStart + minutes(15));
  CHECK(l.number == 1);
  CHECK(l.since == kStart + minutes(15));
  CHECK(l.until == kStart + minutes(25));
}

TEST_CASE("Sources are cut by the trust prefixes") {
  Policy p = trust_policy(Policy::Evidence::attempt);
  Trust narrow(p, kTrustSecrets, 64, "narrow");
  p.trust.ipv4_prefix = 24;
  p.trust.ipv6_prefix = 48;
  Trust wide(p, kTrustSecrets, 64, "wide");
  struct Row {
    const char *bad, *other;
    bool in_narrow, in_wide;
  };
  const Row rows[] = {
      {"198.51.100.7", "198.51.100.7", true, true},
      {"198.51.100.7", "198.51.100.8", false, true},
      {"198.51.100.7", "198.51.101.7", false, false},
      {"2001:db8:5:6::7", "2001:db8:5:6:ffff::1", true, true},
      {"2001:db8:5:6::7", "2001:db8:5:7::7", false, true},
      {"2001:db8:5:6::7", "2001:db8:6:6::7", false, false},
  };
  for (const Row& r : rows) {
    CAPTURE(r.bad, r.other);
    narrow.illegitimate(from_text(r.bad), target(0), kStart);
    wide.illegitimate(from_text(r.bad), target(0), kStart);
    CHECK((narrow.level(from_text(r.other), kStart).number == 1) == r.in_narrow);
    CHECK((wide.judge(from_text(r.other), target(1), kStart) == Decision::divert) == r.in_wide);
  }
}

TEST_CASE("Who never is distrusted takes no evidence, nor a neighbour's") {
  Policy p = trust_policy(Policy::Evidence::attempt);
  p.trust.ipv4_prefix = 24;
  p.trust.never_distrust = {*parse_prefix("198.51.100.0/28")};
  Trust t(p, kTrustSecrets, 64, "trust");
  const Address friendly = from_text("198.51.100.15");
  const Address stranger = from_text("198.51.100.16");
  t.illegitimate(friendly, target(0), kStart);
  t.proven(friendly, target(1), kStart);
  CHECK(t.counters().allowed == 2);
  CHECK(t.counters().unproven + t.counters().proven == 0);
  CHECK(t.judge(stranger, target(1), kStart) == Decision::pass);
  t.illegitimate(stranger, target(0), kStart);
  CHECK(t.judge(stranger, target(1), kStart) == Decision::divert);
  CHECK(t.judge(friendly, target(1), kStart) == Decision::pass);
  CHECK(t.level(friendly, kStart).number == 0);
}
