// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>

#include "sources.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr Time kStart = hours(30);
constexpr std::uint32_t kCapacity = 3000;

template <typename Row>
using Take = std::size_t (Trust::*)(std::uint32_t&, std::span<Row>) const;
constexpr Take<SavedCell> kCells = &Trust::copy;

template <typename Row>
std::vector<Row> all_of(const Trust& t, Take<Row> take) {
  std::vector<Row> rows;
  std::array<Row, 100> some;
  for (std::uint32_t cursor = 0; cursor != UINT32_MAX;) {
    const std::size_t n = (t.*take)(cursor, some);
    rows.insert(rows.end(), some.begin(), some.begin() + n);
  }
  return rows;
}

/// What another process makes of it.
void restore(const Trust& from, Trust& to, Time now) {
  std::vector<SavedSource> sources = all_of(from, &Trust::save);
  std::sort(sources.begin(), sources.end(),
            [](const SavedSource& a, const SavedSource& b) { return a.start < b.start; });
  for (const SavedSource& s : sources) to.restore(s, now);
  for (const SavedCell& c : all_of(from, kCells)) to.restore(c, now);
}

}  // namespace

TEST_CASE("restart: levels, draws and repeats go on as if there had been none", "[trust]") {
  const Policy policy = trust_policy(Policy::Evidence::weighted);
  Trust before(policy, kTrustSecrets, kCapacity, "before");
  for (std::uint32_t i = 0; i < 1000; ++i) {
    before.proven(outside(i), target(i), kStart + seconds(i));
    before.illegitimate(outside(5000 + i), target(0), kStart + seconds(i));
    before.illegitimate(outside(5000 + i), target(0), kStart + seconds(i + 1));
  }
  Trust after(policy, kTrustSecrets, kCapacity, "after");
  restore(before, after, kStart + seconds(1200));
  CHECK(after.proven_sources() == 1000);
  for (const Time now : {kStart + minutes(20), kStart + minutes(25), kStart + minutes(49)})
    for (std::uint32_t i = 0; i < 1000; ++i)
      for (const Address& source : {outside(i), outside(5000 + i)}) {
        const TrustLevel was = before.level(source, now);
        const TrustLevel is = after.level(source, now);
        REQUIRE(is.number == was.number);
        REQUIRE(is.proven == was.proven);
        REQUIRE(is.until == was.until);
        // A restart does not buy another draw.
        REQUIRE(after.judge(source, target(i), now) == before.judge(source, target(i), now));
      }
  after.illegitimate(outside(5000), target(0), kStart + minutes(25));
  before.illegitimate(outside(5000), target(0), kStart + minutes(25));
  CHECK(after.level(outside(5000), kStart + minutes(25)).until ==
        before.level(outside(5000), kStart + minutes(25)).until);
}

TEST_CASE("restart: what has decayed meanwhile is not taken up", "[trust]") {
  const Policy policy = trust_policy(Policy::Evidence::proof);
  Trust before(policy, kTrustSecrets, kCapacity, "before");
  before.proven(outside(1), target(1), kStart);
  before.proven(outside(2), target(2), kStart + minutes(30));
  Trust after(policy, kTrustSecrets, kCapacity, "after");
  restore(before, after, kStart + minutes(40));
  CHECK(after.proven_sources() == 1);
  CHECK(after.level(outside(2), kStart + minutes(40)).number == 2);
}

TEST_CASE("restart: a smaller table keeps the latest", "[trust]") {
  const Policy policy = trust_policy(Policy::Evidence::proof);
  Trust before(policy, kTrustSecrets, kCapacity, "before");
  for (std::uint32_t i = 0; i < 200; ++i)
    before.proven(outside(i), target(i), kStart + seconds((i * 77) % 200));
  Trust after(policy, kTrustSecrets, 50, "after");
  restore(before, after, kStart + minutes(5));
  CHECK(after.proven_sources() == 50);
  for (std::uint32_t i = 0; i < 200; ++i)
    CHECK((after.level(outside(i), kStart + minutes(5)).number != 0) == ((i * 77) % 200 >= 150));
}

TEST_CASE("restart: a shorter prefix joins sources, the latest proof counts", "[trust]") {
  Policy policy = trust_policy(Policy::Evidence::proof);
  Trust before(policy, kTrustSecrets, kCapacity, "before");
  before.proven(from_text("198.51.100.7"), target(1), kStart);
  before.proven(from_text("198.51.100.9"), target(1), kStart + minutes(2));
  before.proven(from_text("2001:db8:f:1::7"), target(1), kStart + minutes(3));
  policy.trust.ipv4_prefix = 24;
  policy.trust.ipv6_prefix = 48;
  Trust after(policy, kTrustSecrets, kCapacity, "after");
  restore(before, after, kStart + minutes(5));
  CHECK(after.proven_sources() == 2);
  CHECK(after.level(from_text("198.51.100.200"), kStart + minutes(5)).since == kStart + minutes(2));
  CHECK(after.level(from_text("2001:db8:f:2::1"), kStart + minutes(5)).number == 1);
}

TEST_CASE("restart: nonsense in a file is harmless", "[trust]") {
  const Policy policy = trust_policy(Policy::Evidence::weighted);
  Trust t(policy, kTrustSecrets, 64, "trust");
  const Source source{outside(1).high(), outside(1).low()};
  CHECK(t.restore(SavedSource{source, kStart + hours(99)}, kStart));  // from now on, then
  CHECK(t.level(outside(1), kStart).number == 1);
  CHECK_FALSE(t.restore(SavedSource{source, hours(-9999)}, kStart));
  const Source other{outside(2).high(), outside(2).low()};
  for (const Time start : {Time::min(), Time::min() + nanoseconds(1), Time::min() + kStart}) {
    CHECK_FALSE(t.restore(SavedSource{other, start}, kStart));
    CHECK_FALSE(t.restore(SavedCell{0, 3, 9, 0, start}, kStart));
  }
  CHECK_FALSE(t.restore(SavedCell{0, UINT32_MAX, 1, 0, kStart}, kStart));
  CHECK_FALSE(t.restore(SavedCell{0, 3, 0, 0, kStart}, kStart));
  CHECK(t.restore(SavedCell{0, 3, 9, UINT32_MAX, kStart + hours(1)}, kStart));
}

TEST_CASE("Prefixes are distrusted again when their sources are back") {
  Trust before(trust_policy(Policy::Evidence::proof), kTrustSecrets, 1024, "before");
  std::vector<SavedSource> all(1024);
  for (unsigned n = 0; n < 4; ++n) {
    Address a = from_text("2001:db8:5::7");
    a.bytes[7] = static_cast<std::uint8_t>(n);
    before.proven(a, target(n), hours(5) + n * minutes(1));
  }
  std::uint32_t cursor = 0;
  all.resize(before.copy(cursor, all));
  REQUIRE(all.size() == 4);
  Trust after(trust_policy(Policy::Evidence::proof), kTrustSecrets, 1024, "after");
  for (const SavedSource& s : all) CHECK(after.restore(s, hours(5) + minutes(4)));
  const Address fresh = from_text("2001:db8:5:9::7");
  const TrustLevel level = after.level(fresh, hours(5) + minutes(4));
  CHECK(level.number == 1);
  CHECK(level.members == 4);
  CHECK(level.until == before.level(fresh, hours(5) + minutes(4)).until);
}

TEST_CASE("restart: prefixes that were forgiven stay so") {
  const auto six = [](unsigned net, unsigned n) {
    Address a = from_text("2001:db8:5::7");
    a.bytes[6] = static_cast<std::uint8_t>(net);
    a.bytes[7] = static_cast<std::uint8_t>(n);
    return a;
  };
  const Policy policy = trust_policy(Policy::Evidence::proof);
  Trust before(policy, kTrustSecrets, kCapacity, "before");
  Time now = kStart;
  // Also where the prefix diverts it.
  const auto prove = [&](unsigned net, unsigned n) {
    ++now;
    before.distrust(six(net, n), now + minutes(10), now);
  };
  for (unsigned net = 0; net < 4; ++net)
    for (unsigned n = 0; n < 5; ++n) prove(net, n);  // four are as many as it takes
  REQUIRE(before.escalation().distrusted() == 5);
  const auto same = [&](const Trust& after) {
    CHECK(after.escalation().distrusted() == before.escalation().distrusted());
    for (unsigned net = 0; net < 6; ++net)
      for (unsigned n = 0; n < 6; ++n) {
        CAPTURE(net, n);
        std::array<TrustLevel, Trust::kGrounds> was;
        std::array<TrustLevel, Trust::kGrounds> is;
        const std::size_t count = before.grounds(six(net, n), now, was);
        REQUIRE(after.grounds(six(net, n), now, is) == count);
        for (std::size_t i = 0; i < count; ++i) {
          CHECK(is[i].number == was[i].number);
          CHECK(is[i].until == was[i].until);
          CHECK(is[i].members == was[i].members);
        }
      }
  };
  SECTION("none") {}
  SECTION("a /56, and with it the /48") {
    before.forgive(six(1, 9), true);
  }
  SECTION("the /48 alone") {
    before.forgive(six(9, 9), true);
  }
  SECTION("a /56, proven again in part") {
    before.forgive(six(1, 9), true);
    prove(1, 2);
    prove(1, 7);
  }
  SECTION("the /48, which one /56 is a member of again") {
    before.forgive(six(9, 9), true);
    before.forgive(six(2, 3), false);
    prove(2, 3);
  }
  SECTION("a source") {
    before.forgive(six(1, 4), false);
  }
  Trust after(policy, kTrustSecrets, kCapacity, "after");
  restore(before, after, now);
  same(after);
  Trust again(policy, kTrustSecrets, kCapacity, "again");
  restore(after, again, now);
  same(again);
}
