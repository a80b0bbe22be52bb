// SPDX-License-Identifier: BSD-3-Clause
#include "base/clock.hpp"

#include <catch2/catch.hpp>

using namespace mitibox;
using namespace std::chrono_literals;

TEST_CASE("clock: a counter that is set back stops no time, and turns none back", "[clock]") {
  Onward onward;
  CHECK(onward(5s) == 5s);
  CHECK(onward(9s) == 9s);
  CHECK(onward(-3h) == 9s);  // set back, to before the start
  CHECK(onward(-3h + 2s) == 11s);
  CHECK(onward(-3h + 2s) == 11s);
  CHECK(onward(-4h) == 11s);  // and again
  CHECK(onward(-4h + 1ns) == 11s + 1ns);
  CHECK(onward(48h) == 48h + 4h + 11s);  // forwards it goes as far as the counter does
}

TEST_CASE("clock: what it reads it hands on, with the box's age", "[clock]") {
  Clock clock;
  clock.set_age(100h);
  Onward onward;
  const Now first = onward(clock);
  const Now second = onward(clock);
  CHECK(first.time >= 100h);
  CHECK(first.time < 100h + 1h);
  CHECK(second.time >= first.time);
  CHECK(first.tick == to_tick(first.time - 100h));
}
