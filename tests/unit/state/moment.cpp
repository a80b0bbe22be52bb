// SPDX-License-Identifier: BSD-3-Clause
#include "state/moment.hpp"

#include <catch2/catch.hpp>
#include <limits>

using namespace mitibox;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

Moment at(char boot, Time since_boot, std::int64_t wall) {
  Moment m;
  m.boot_id[0] = boot;
  m.since_boot = since_boot.count();
  m.wall = wall;
  return m;
}

}  // namespace

TEST_CASE("pause: within one boot the wall clock may jump as it likes", "[state]") {
  for (const std::int64_t wall : {kLeast, std::int64_t{0}, kMost}) {
    const Pause p = pause_between(at('a', 10s, Time(1h).count()), at('a', 17s, wall));
    CHECK(p.span == 7s);
    CHECK(p.remark.empty());
  }
}

TEST_CASE("pause: across boots by the wall clock, within bounds", "[state]") {
  constexpr std::int64_t kThen = Time(100h).count();
  struct Row {
    const char* what;
    std::int64_t wall;
    Time span;
    const char* remark;
  };
  const Row rows[] = {
      {"a while later", kThen + Time(3h).count(), 3h, ""},
      {"set back", kThen - Time(3h).count(), 0s, "10800 s before the time at which it was saved"},
      {"set back to the start", 0, 0s, "4 days before"},
      {"as far back as there is", kLeast, 0s, "400 days before"},
      {"set forward", kThen + Time(24h * 30).count(), 24h * 30, ""},
      {"years ahead", kMost, kLongestPause, "more than 400 days ago"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Pause p = pause_between(at('a', 10s, kThen), at('b', 3s, row.wall));
    CHECK(p.span == row.span);
    CHECK(p.remark.empty() == (*row.remark == '\0'));
    CHECK_THAT(p.remark, Catch::Contains(row.remark));
  }
}

TEST_CASE("pause: a file that says it is from later in this boot", "[state]") {
  const Pause p = pause_between(at('a', Time(kMost), 0), at('a', 3s, 0));
  CHECK(p.span == 0s);
  CHECK_FALSE(p.remark.empty());
}

TEST_CASE("pause: without a boot's name only the wall clock counts", "[state]") {
  CHECK(pause_between(at('\0', 1s, 0), at('\0', 2s, Time(5s).count())).span == 5s);
}
