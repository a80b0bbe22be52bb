// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "attempts.hpp"
#include "probability/probability.hpp"

using namespace mitibox;
using namespace mitibox::test;
using Outcome = Probability::Outcome;

namespace {

constexpr std::uint32_t kEntries = 1U << 16U;
constexpr std::int64_t kWrap = std::int64_t{1} << 32U;  // of Tick, ms

Probability admitting(std::uint32_t entries = kEntries) {
  return {Policy{}, Secrets::derive({3, 4}), entries};
}

/// A SYN that the coin drops.
Packet loser(std::uint32_t nth = 0) {
  Policy policy;
  policy.probability.retransmission = Policy::Retransmission::hold;
  Probability coin(policy, Secrets::derive({3, 4}), 0);
  for (std::uint32_t i = 0;; ++i)
    if (coin.judge(syn(i, 5), at_ms(0)) == Outcome::coin && nth-- == 0) return syn(i, 5);
}

}  // namespace

TEST_CASE("A repeat is admitted from 700 ms to 10 s after the first packet") {
  const std::int64_t start =
      GENERATE(as<std::int64_t>{}, 0, 1, 12'345, kWrap - 1, kWrap - 5'000, 3 * kWrap - 1);
  const auto second = [&](std::int64_t gap) {
    Probability p = admitting();
    REQUIRE(p.judge(loser(), at_ms(start)) == Outcome::coin);
    return p.judge(loser(), at_ms(start + gap));
  };
  CHECK(second(0) == Outcome::repeat);
  CHECK(second(699) == Outcome::repeat);
  CHECK(second(700) == Outcome::admit);
  CHECK(second(1'000) == Outcome::admit);
  CHECK(second(10'000) == Outcome::admit);
  CHECK(second(10'001) == Outcome::coin);
}

TEST_CASE("Early repeats do not postpone the first packet's time") {
  Probability p = admitting();
  p.judge(loser(), at_ms(0));
  for (int ms = 100; ms < 700; ms += 100) CHECK(p.judge(loser(), at_ms(ms)) == Outcome::repeat);
  CHECK(p.judge(loser(), at_ms(700)) == Outcome::admit);
}

TEST_CASE("A repeat after 10 s counts as a first packet") {
  Probability p = admitting();
  p.judge(loser(), at_ms(0));
  CHECK(p.judge(loser(), at_ms(10'500)) == Outcome::coin);
  CHECK(p.judge(loser(), at_ms(11'000)) == Outcome::repeat);
  CHECK(p.judge(loser(), at_ms(11'200)) == Outcome::admit);
}

TEST_CASE("An admitted attempt stays admitted for 60 s from its admission") {
  Probability p = admitting();
  p.judge(loser(), at_ms(0));
  REQUIRE(p.judge(loser(), at_ms(1'000)) == Outcome::admit);
  for (const std::int64_t ms : {1'000, 1'001, 1'500, 20'000, 61'000})
    CHECK(p.judge(loser(), at_ms(ms)) == Outcome::admit);
  CHECK(p.judge(loser(), at_ms(61'008)) == Outcome::coin);
}

TEST_CASE("No tag is taken for a young one after its clock wrapped") {
  const std::int64_t gap = GENERATE(as<std::int64_t>{}, 16'000, 16'384, 17'384, 32'768, 33'768,
                                    64'000, 65'536, 66'536, 131'072, 132'072, 200'000, 262'144,
                                    1'048'576, kWrap, kWrap + 1'000, 4 * kWrap + 1'000);
  const bool admitted = GENERATE(false, true);
  const bool busy = GENERATE(false, true);
  Probability p = admitting(busy ? 15 : kEntries);
  p.judge(loser(), at_ms(500));
  if (admitted) REQUIRE(p.judge(loser(), at_ms(1'500)) == Outcome::admit);
  const std::int64_t last = admitted ? 1'500 : 500;
  // Looks at the set in between must not hide how old its tags are.
  if (busy)
    for (int i = 1; i < 10; ++i) p.judge(loser(1), at_ms(last + gap * i / 10));
  CAPTURE(gap, admitted, busy);
  const bool still = admitted && gap <= 60'000;
  CHECK(p.judge(loser(), at_ms(last + gap)) == (still ? Outcome::admit : Outcome::coin));
}

TEST_CASE("Another ISN or port is another attempt and gains nothing") {
  Probability p = admitting();
  std::uint32_t passed = 0;
  const std::uint32_t n = 20'000;
  for (std::uint32_t i = 0; i < n; ++i) passed += p.judge(syn(1, i), at_ms(i)) == Outcome::admit;
  CHECK(passed / double(n) == Approx(0.5).margin(0.02));
}

TEST_CASE("Whoever repeats once after a second passes, at once or then") {
  Probability p = admitting();
  std::uint32_t at_once = 0;
  const std::uint32_t n = 20'000;
  for (std::uint32_t i = 0; i < n; ++i) at_once += p.judge(syn(i, i), at_ms(0)) == Outcome::admit;
  CHECK(at_once / double(n) == Approx(0.5).margin(0.02));
  for (std::uint32_t i = 0; i < n; ++i) REQUIRE(p.judge(syn(i, i), at_ms(1'000)) == Outcome::admit);
}

TEST_CASE("A datagram repeated beyond the end of its epoch is a repeat") {
  Probability p = admitting();
  for (std::uint32_t i = 0; i < 20'000; ++i)
    if (p.judge(datagram(i), at_ms(0)) == Outcome::coin)
      REQUIRE(p.judge(datagram(i), at_ms(5'000)) == Outcome::admit);
}

TEST_CASE("A flood is told by the age of what it evicts, and ends") {
  Probability p = admitting(1024);
  CHECK(p.eviction_age(at_ms(0)) == UINT32_MAX);
  for (std::uint32_t i = 0; i < 400; ++i) p.judge(syn(i, i), at_ms(i));
  CHECK(p.eviction_age(at_ms(400)) == UINT32_MAX);
  CHECK_FALSE(p.flooded());
  for (std::uint32_t i = 0; i < 20'000; ++i) p.judge(syn(i, 1), at_ms(1'000 + i / 10));
  CHECK(p.eviction_age(at_ms(3'000)) < 3'000);
  CHECK(p.flooded());
  p.judge(syn(1, 2), at_ms(30'000));
  CHECK(p.flooded());
  CHECK(p.last_eviction_age() < 3'000);
  CHECK(p.eviction_age(at_ms(70'000)) == UINT32_MAX);
  p.judge(syn(1, 3), at_ms(70'000));
  CHECK_FALSE(p.flooded());
  // As soon as there is another to note, who reads it from elsewhere knows too.
  for (std::uint32_t i = 0; i < 64; ++i) p.judge(syn(i, 4), at_ms(70'001));
  CHECK(p.last_eviction_age() == UINT32_MAX);
}

TEST_CASE("In a flood first packets pass as often, and successive retries soon") {
  Probability p = admitting(64);
  std::uint32_t spoofed = 0;
  std::int64_t ms = 0;
  const auto flood = [&](int seconds) {
    std::uint32_t passed = 0;
    const std::uint32_t n = 20'000U * static_cast<std::uint32_t>(seconds);
    for (std::uint32_t i = 0; i < n; ++i) {
      if (i % 20 == 0) ++ms;
      passed += p.judge(syn(++spoofed, 3), at_ms(ms)) == Outcome::admit;
    }
    return passed / double(n);
  };
  flood(1);
  REQUIRE(p.flooded());
  const std::uint32_t clients = 10'000;
  std::vector<bool> in(clients);
  const auto round = [&] {
    std::uint32_t passed = 0;
    for (std::uint32_t i = 0; i < clients; ++i) {
      if (!in[i]) in[i] = p.judge(syn(i, 77), at_ms(ms)) == Outcome::admit;
      passed += in[i];
    }
    return passed / double(clients);
  };
  CHECK(round() == Approx(0.5).margin(0.02));
  // At once again: no new draw, but for the few whose slot ended (none, at the same time).
  CHECK(round() == Approx(0.5).margin(0.02));
  CHECK(flood(1) == Approx(0.5).margin(0.02));
  // A second later it is the turn of all that fell.
  CHECK(round() == 1);
  CHECK(flood(1) == Approx(0.5).margin(0.02));
}

TEST_CASE("Turns keep their share, and nobody waits long for his") {
  for (const double drop : {0.25, 0.5, 0.75, 0.9}) {
    const Share share(drop);
    std::uint64_t taken = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const std::uint64_t draw = siphash13_of({1, 2}, i);
      unsigned longest = 0;
      unsigned run = 0;
      for (std::uint64_t turn = 0; turn < 40; ++turn) {
        run = share.takes_in_turn(draw, turn) ? run + 1 : 0;
        taken += run == 0 ? 0 : 1;
        longest = std::max(longest, run);
      }
      REQUIRE(longest <= std::ceil(1 / (1 - drop) - 1e-9) - 1);
    }
    CHECK(static_cast<double>(taken) / 40000 == Approx(drop).margin(0.01));
  }
  CHECK(Share(1).takes_in_turn(5, 3));
  CHECK_FALSE(Share(0).takes_in_turn(5, 3));
}

TEST_CASE("One overfull set is no flood") {
  Probability p = admitting(64 * 15);
  // Half as many as there is room for, all young: sets differ.
  for (std::uint32_t i = 0; i < 8 * 15 * 8; ++i) p.judge(syn(i, 9), at_ms(i));
  CHECK_FALSE(p.flooded());
}

TEST_CASE("In a flood what passed stays admitted while the memory lasts") {
  Probability p = admitting(1024);
  for (std::uint32_t i = 0; i < 20'000; ++i) p.judge(syn(i, 1), at_ms(i / 10));
  REQUIRE(p.flooded());
  std::uint32_t i = 0;
  while (p.judge(syn(i, 2), at_ms(2'000)) != Outcome::admit) ++i;
  for (std::int64_t ms = 2'000; ms < 12'000; ms += 250)
    CHECK(p.judge(syn(i, 2), at_ms(ms)) == Outcome::admit);
}

TEST_CASE("The memory costs what it says and holds what it promises") {
  CHECK(Probability::memory_bytes(1U << 20U) < 5'000'000);
  CHECK(Probability::memory_bytes(1) == 64);
  CHECK(Probability::memory_bytes(0) == 64);
  try {
    admitting(UINT32_MAX);
    FAIL("17 GB were to be had");
  } catch (const std::runtime_error& e) {
    CHECK_THAT(e.what(), Catch::Contains("retransmissions") &&
                             Catch::Contains("tables.retransmissions") && Catch::Contains("bytes"));
  }
}
