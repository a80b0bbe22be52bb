// SPDX-License-Identifier: BSD-3-Clause
#include "reply/conversations.hpp"

#include <rte_malloc.h>

#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "../packet/probe_frames.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr Key128 kKey{11, 12};

Now at(std::uint32_t milliseconds) {
  return Now(std::chrono::milliseconds(milliseconds));
}

struct Table {
  explicit Table(std::uint32_t capacity) : conversations(kKey, capacity, "table") {}

  static Address source(std::uint32_t n) { return Address(be32(0xc6330000U + n)); }
  static Packet segment(std::uint32_t n, std::uint16_t port) {
    Packet p;
    p.family = Family::v4;
    p.protocol = protocol::kTcp;
    p.key = make_flow_key(Family::v4, 6, {source(n), be16(port)},
                          {parse_address("203.0.113.1").value(), be16(80)});
    return p;
  }
  Conversation* begin(std::uint32_t n, std::uint16_t port, Now now = {}) {
    return conversations.begin(segment(n, port), source(n), now);
  }
  bool has(std::uint32_t n, std::uint16_t port) {
    return conversations.find(segment(n, port).key, Family::v4) != nullptr;
  }
  Conversations conversations;
};

}  // namespace

TEST_CASE("A source over its quota displaces its own oldest, nobody else's") {
  Table t(256);
  REQUIRE(t.begin(1, 1) != nullptr);
  for (std::uint16_t port = 1; port <= Conversations::kQuota; ++port)
    REQUIRE(t.begin(2, port) != nullptr);
  CHECK(t.conversations.live() == Conversations::kQuota + 1);
  CHECK(t.conversations.evictions() == 0);
  // Port 1 has spoken since, so port 2 is the longest idle.
  t.conversations.touch(*t.conversations.find(Table::segment(2, 1).key, Family::v4), at(5));
  REQUIRE(t.begin(2, 1000, at(6)) != nullptr);
  CHECK(t.conversations.live() == Conversations::kQuota + 1);
  CHECK(t.conversations.evictions() == 1);
  CHECK(t.has(1, 1));
  CHECK(t.has(2, 1));
  CHECK_FALSE(t.has(2, 2));
  for (std::uint16_t port = 2000; port < 3000; ++port) REQUIRE(t.begin(2, port) != nullptr);
  CHECK(t.has(1, 1));
  CHECK(t.conversations.live() == Conversations::kQuota + 1);
}

TEST_CASE("A full table displaces the longest idle of all") {
  Table t(64);
  for (std::uint32_t n = 0; n < 64; ++n) REQUIRE(t.begin(n, 7, at(n)) != nullptr);
  CHECK(t.conversations.evictions() == 0);
  t.conversations.touch(*t.conversations.find(Table::segment(0, 7).key, Family::v4), at(100));
  REQUIRE(t.begin(64, 7, at(101)) != nullptr);
  CHECK(t.conversations.live() == 64);
  CHECK(t.conversations.evictions() == 1);
  CHECK(t.has(0, 7));
  CHECK_FALSE(t.has(1, 7));
  CHECK(t.has(64, 7));
}

TEST_CASE("Beginning a flow again takes no further entry") {
  Table t(64);
  Conversation* first = t.begin(1, 1);
  first->expected = 99;
  t.conversations.end(*first);
  t.conversations.end(*first);
  CHECK(t.conversations.live() == 0);
  CHECK(t.has(1, 1));
  Conversation* again = t.begin(1, 1, at(9));
  CHECK(again == first);
  CHECK(again->live());
  CHECK(t.conversations.live() == 1);
}

TEST_CASE("Displacing what has ended is no eviction") {
  Table t(8);
  for (std::uint32_t n = 0; n < 8; ++n) t.conversations.end(*t.begin(n, 1));
  for (std::uint32_t n = 8; n < 16; ++n) REQUIRE(t.begin(n, 1) != nullptr);
  CHECK(t.conversations.evictions() == 0);
  CHECK(t.conversations.live() == 8);
}

TEST_CASE("Churn far beyond capacity keeps table, quotas and lists consistent") {
  Table t(128);
  std::mt19937 random(5);
  std::uint32_t now = 0;
  for (int i = 0; i < 50000; ++i) {
    now += static_cast<std::uint32_t>(random() % 200);
    const auto n = static_cast<std::uint32_t>(random() % 20);
    const auto port = static_cast<std::uint16_t>(random() % 500);
    Conversation* c = t.begin(n, port, at(now));
    REQUIRE(c != nullptr);
    REQUIRE(t.has(n, port));
    if (random() % 4 == 0) t.conversations.end(*c);
    if (random() % 16 == 0) t.conversations.sweep(at(now), 4);
    REQUIRE(t.conversations.live() <= 128);
  }
  t.conversations.sweep(at(now + Conversations::kIdle), 128);
  CHECK(t.conversations.live() == 0);
  for (std::uint32_t n = 0; n < 128; ++n) REQUIRE(t.begin(1000 + n, 1, at(now)) != nullptr);
  CHECK(t.conversations.live() == 128);
}

TEST_CASE("Ticks that wrap are swept all the same") {
  Table t(8);
  const Now before(std::chrono::milliseconds(0xffffffffLL - 1000));
  const Now after(std::chrono::milliseconds(0xffffffffLL + 299'000));
  const Now late(std::chrono::milliseconds(0xffffffffLL + 300'000));
  t.begin(1, 1, before);
  t.conversations.sweep(Now(after.time - std::chrono::milliseconds(1)), 10);
  CHECK(t.conversations.live() == 1);
  t.conversations.sweep(late, 10);
  CHECK(t.conversations.live() == 0);
}

TEST_CASE("Both families live in one table") {
  Table t(8);
  Packet v6;
  v6.family = Family::v6;
  v6.key = make_flow_key(Family::v6, 6, {parse_address("2001:db8::1").value(), be16(1)},
                         {parse_address("2001:db8:1::1").value(), be16(80)});
  REQUIRE(t.conversations.begin(v6, parse_address("2001:db8::").value(), {}) != nullptr);
  REQUIRE(t.begin(1, 1) != nullptr);
  CHECK(t.conversations.find(v6.key, Family::v6) != nullptr);
  CHECK(t.has(1, 1));
  CHECK(t.conversations.live() == 2);
}

TEST_CASE("Tables of long names do not collide, and too large ones are named") {
  const std::string name = "a-rather-long-prefix-of-worker-";
  const Conversations a(kKey, 8, name + "1");
  const Conversations b(kKey, 8, name + "2");
  REQUIRE_THROWS_WITH(Conversations(kKey, 1U << 28U, "huge"),
                      Catch::Contains("huge-") && Catch::Contains("tables.conversations"));
}

TEST_CASE("The memory that is stated suffices, and is not far too much") {
  const std::uint32_t capacity = GENERATE(8U, 1000U, 1U << 16U);
  const auto allocated = [] {
    rte_malloc_socket_stats stats{};
    rte_malloc_get_socket_stats(0, &stats);
    return stats.heap_allocsz_bytes;
  };
  const std::size_t before = allocated();
  const Conversations table(kKey, capacity, "sized");
  const std::size_t taken = allocated() - before;
  CHECK(taken <= Conversations::memory_bytes(capacity));
  CHECK(taken * 2 + 65536 >= Conversations::memory_bytes(capacity));
}
