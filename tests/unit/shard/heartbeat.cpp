// SPDX-License-Identifier: BSD-3-Clause
#include "shard/heartbeat.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace mitibox;
using namespace std::chrono_literals;

TEST_CASE("heartbeat: the first when every worker has polled, then at intervals", "[shard]") {
  Heartbeat heart(2, 1s);
  std::vector<std::uint64_t> polls{0, 0};
  CHECK_FALSE(heart.beat(polls, 10s));
  polls[0] = 5;
  CHECK_FALSE(heart.beat(polls, 10100ms));
  polls[1] = 1;
  CHECK(heart.beat(polls, 10200ms));
  int beats = 0;
  for (Time now = 10250ms; now <= 20200ms; now += 50ms) {
    ++polls[0], ++polls[1];
    beats += heart.beat(polls, now) ? 1 : 0;
  }
  CHECK(beats == 10);
}

TEST_CASE("heartbeat: none while a worker stands still, and one when it goes on", "[shard]") {
  Heartbeat heart(3, 1s);
  std::vector<std::uint64_t> polls{1, 1, 1};
  CHECK(heart.beat(polls, 1s));
  CHECK_FALSE(heart.standing_still(1s, 1s));
  for (Time now = 2s; now <= 60s; now += 1s) {
    ++polls[0], ++polls[2];
    CHECK_FALSE(heart.beat(polls, now));
  }
  CHECK(heart.standing_still(10s, 60s) == 1U);
  ++polls[1];
  CHECK(heart.beat(polls, 61s));
  CHECK_FALSE(heart.standing_still(10s, 61s));
}
