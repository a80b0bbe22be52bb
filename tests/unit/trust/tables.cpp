// SPDX-License-Identifier: BSD-3-Clause
#include <rte_malloc.h>

#include <catch2/catch.hpp>

#include "sources.hpp"
#include "trust/peers.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr Time kStart = seconds(1);

std::size_t in_use() {
  rte_malloc_socket_stats stats{};
  rte_malloc_get_socket_stats(static_cast<int>(rte_socket_id()), &stats);
  return stats.heap_allocsz_bytes;
}

}  // namespace

TEST_CASE("Spoofed evidence from a million sources displaces no proven one") {
  const auto evidence = GENERATE(Policy::Evidence::weighted, Policy::Evidence::attempt);
  Trust t(trust_policy(evidence), kTrustSecrets, 1000, "trust");
  for (std::uint32_t i = 0; i < 1000; ++i) t.proven(outside(i), target(i), kStart);
  std::uint64_t random = 1;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    t.illegitimate(Address(be32(static_cast<std::uint32_t>(random >> 32U))), target(0),
                   kStart + nanoseconds(i));
  }
  CHECK(t.proven_sources() == 1000);
  CHECK(t.counters().source_evictions == 0);
  CHECK(t.counters().sketch_evictions > 990'000);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const TrustLevel l = t.level(outside(i), kStart + minutes(1));
    REQUIRE(l.number == 1);
    REQUIRE(l.proven);
  }
}

TEST_CASE("When the proven sources are full, the one quiet longest goes") {
  const std::uint32_t capacity = GENERATE(1U, 5U, 8U, 1000U);
  Trust t(trust_policy(Policy::Evidence::weighted), kTrustSecrets, capacity, "trust");
  for (std::uint32_t i = 0; i < 3 * capacity; ++i)
    t.proven(outside(i), target(i), kStart + nanoseconds(i));
  CHECK(t.proven_sources() == capacity);
  CHECK(t.counters().source_evictions == 2 * capacity);
  for (std::uint32_t i = 0; i < 3 * capacity; ++i)
    REQUIRE(t.level(outside(i), kStart + seconds(1)).proven == (i >= 2 * capacity));
}

TEST_CASE("Proof renewed is not quiet; neutral sources make room uncounted") {
  Trust t(trust_policy(Policy::Evidence::weighted), kTrustSecrets, 2, "trust");
  t.proven(outside(0), target(0), kStart);
  t.proven(outside(1), target(0), kStart + minutes(39));
  t.proven(outside(0), target(0), kStart + minutes(40));  // neutral by then
  t.proven(outside(2), target(0), kStart + minutes(41));
  CHECK(t.level(outside(0), kStart + minutes(41)).proven);
  CHECK(t.level(outside(1), kStart + minutes(41)).number == 0);
  CHECK(t.counters().source_evictions == 1);
  t.proven(outside(3), target(0), kStart + hours(2));
  CHECK(t.counters().source_evictions == 1);
}

TEST_CASE("Sweeping frees decayed sources, at most its budget, and no other") {
  Trust t(trust_policy(Policy::Evidence::weighted), kTrustSecrets, 4096, "trust");
  for (std::uint32_t i = 0; i < 4096; ++i) t.proven(outside(i), target(i), kStart + seconds(i));
  const Time first_ends = kStart + minutes(40);
  t.sweep(first_ends - nanoseconds(1), 1'000'000);
  CHECK(t.proven_sources() == 4096);
  t.sweep(first_ends + seconds(99), 30);
  CHECK(t.proven_sources() == 4066);
  t.sweep(first_ends + seconds(99), 1'000'000);
  CHECK(t.proven_sources() == 3996);
  CHECK(t.level(outside(99), first_ends + seconds(99)).number == 0);
  CHECK(t.level(outside(100), first_ends + seconds(99)).number == 4);
  t.sweep(kStart + hours(24), 1'000'000);
  CHECK(t.proven_sources() == 0);
  for (std::uint32_t i = 0; i < 8192; ++i) t.proven(outside(i), target(i), kStart + hours(25));
  CHECK(t.proven_sources() == 4096);
}

TEST_CASE("The sketch reuses its oldest cells and forgets nobody while there is room") {
  Trust t(trust_policy(Policy::Evidence::weighted), kTrustSecrets, 4096, "trust");
  for (std::uint32_t i = 0; i < 150; ++i) t.illegitimate(outside(i), target(0), kStart);
  CHECK(t.counters().sketch_evictions == 0);
  for (std::uint32_t i = 0; i < 150; ++i) REQUIRE(t.level(outside(i), kStart).number == 1);
  for (std::uint32_t i = 150; i < 100'000; ++i)
    t.illegitimate(outside(i), target(0), kStart + nanoseconds(i));
  std::uint32_t late = 0;
  for (std::uint32_t i = 98'000; i < 100'000; ++i)
    late += t.level(outside(i), kStart + seconds(1)).number == 1;
  CHECK(late > 1'700);
  // A stranger is not taken for anybody.
  for (std::uint32_t i = 200'000; i < 300'000; ++i)
    REQUIRE(t.level(outside(i), kStart + seconds(1)).number == 0);
}

TEST_CASE("Trust costs what it says") {
  for (const std::uint32_t capacity : {1U, 1000U, 1U << 16U, (1U << 16U) + 1U, 100'000U}) {
    CAPTURE(capacity);
    const std::size_t before = in_use();
    const Trust t(trust_policy(Policy::Evidence::weighted), kTrustSecrets, capacity, "trust");
    const std::size_t taken = in_use() - before;
    CHECK(taken <= Trust::memory_bytes(capacity));
    CHECK(taken + 16'384 >= Trust::memory_bytes(capacity) * 9 / 10);
  }
}

TEST_CASE("Memory that is short is refused by name, and nothing leaks") {
  const std::size_t before = in_use();
  for (const std::uint32_t capacity : {1U << 24U, 1U << 28U}) {
    try {
      const Trust t(trust_policy(Policy::Evidence::weighted), kTrustSecrets, capacity, "chain0");
      FAIL("the memory was to be had");
    } catch (const std::runtime_error& e) {
      CHECK_THAT(e.what(), Catch::Contains("chain0") && Catch::Contains("tables.sources"));
    }
  }
  CHECK(in_use() == before);
}

TEST_CASE("A peer is recent for ten minutes after it was last addressed") {
  Peers peers(kTrustSecrets, 1024);
  const Now start(hours(1));
  const auto at = [&](Time later) { return Now(start.time + later); };
  CHECK_FALSE(peers.recent(outside(1), start));
  peers.addressed(outside(1), start);
  peers.addressed(from_text("2001:db8::1"), start);
  CHECK(peers.recent(outside(1), start));
  CHECK(peers.recent(outside(1), at(minutes(10))));
  CHECK(peers.recent(from_text("2001:db8::1"), at(minutes(10))));
  CHECK_FALSE(peers.recent(outside(1), at(minutes(10) + std::chrono::milliseconds(64))));
  CHECK_FALSE(peers.recent(outside(2), start));
  peers.addressed(outside(1), at(minutes(9)));
  CHECK(peers.recent(outside(1), at(minutes(19))));
  for (const std::int64_t ms : {1LL << 21U, 1LL << 22U, 1LL << 32U, 3LL << 32U})
    CHECK_FALSE(peers.recent(outside(1), at(minutes(9) + std::chrono::milliseconds(ms))));
}

TEST_CASE("A full memory of peers keeps the latest") {
  Peers peers(kTrustSecrets, 150);
  for (std::uint32_t i = 0; i < 10'000; ++i) peers.addressed(outside(i), Now(seconds(i / 100)));
  for (std::uint32_t i = 9'990; i < 10'000; ++i) CHECK(peers.recent(outside(i), Now(seconds(100))));
  CHECK(Peers::memory_bytes(150) == 640);
}
