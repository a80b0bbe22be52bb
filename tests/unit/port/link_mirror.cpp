// SPDX-License-Identifier: BSD-3-Clause
#include "port/link_mirror.hpp"

#include <catch2/catch.hpp>

using namespace mitibox;
using namespace std::chrono_literals;

namespace {

/// A cable that has two ends: `cable` and `peer` say whether it and the device behind it are there.
struct FakeLink : PortLink {
  bool up() override { return raised && cable && peer; }
  std::string set(bool to) override {
    if (!to && !cuttable) return "not made for that";
    if (to && stuck) return "busy";
    raised = to;
    return {};
  }
  bool raised = false;
  bool cable = true;
  bool peer = true;
  bool cuttable = true;
  bool stuck = false;
};

struct Box {
  FakeLink outside, inside;
  Time now = 1h;
  LinkMirror mirror{outside, inside, now};
  std::vector<std::string> lines;

  void run(Time span = 1s) {
    for (const Time end = now + span; now < end; now += 100ms)
      for (const std::string& line : mirror.poll(now)) lines.push_back(line);
  }
};

}  // namespace

TEST_CASE("mirror: a cut is shown to the other side, and its end", "[port][link]") {
  Box box;
  CHECK((box.outside.raised && box.inside.raised));  // whatever an earlier box left
  box.run();
  CHECK(box.lines.empty());
  const bool inside = GENERATE(false, true);
  FakeLink& cut = inside ? box.inside : box.outside;
  FakeLink& far = inside ? box.outside : box.inside;
  cut.cable = false;
  box.run();
  CHECK_FALSE(far.raised);
  CHECK(cut.raised);
  CHECK(box.lines.size() == 1);
  box.run(1h);
  CHECK_FALSE(far.raised);
  cut.cable = true;
  box.run();
  CHECK(far.up());
  CHECK(box.lines.size() == 2);
  box.run(1h);
  CHECK(box.lines.size() == 2);
}

TEST_CASE("mirror: both sides fail, in whatever order, and come back", "[port][link]") {
  // The order in which the cables go and come: 0 outside, 1 inside, 2 both at once.
  const int goes = GENERATE(0, 1, 2);
  const int comes = GENERATE(0, 1, 2);
  Box box;
  box.run();
  const auto set = [&](int which, bool to) {
    if (which != 1) box.outside.cable = to;
    if (which != 0) box.inside.cable = to;
    box.run(20s);
  };
  set(goes, false);
  set(2, false);
  set(comes, true);
  CHECK_FALSE((comes != 2 && box.outside.up() && box.inside.up()));
  set(2, true);
  box.run(20s);
  CHECK(box.outside.up());
  CHECK(box.inside.up());
}

TEST_CASE("mirror: two in a row do not wait for each other", "[port][link]") {
  Box near, far;
  // near.inside and far.outside are the ends of one cable; far.inside and near.outside fail.
  const auto run = [&](Time span) {
    for (Time t{}; t < span; t += 100ms) {
      near.inside.peer = far.outside.raised;
      far.outside.peer = near.inside.raised;
      near.run(100ms);
      far.run(100ms);
    }
  };
  run(10s);
  REQUIRE(near.lines.empty());
  SECTION("one end fails: all is down, and all comes back") {
    near.outside.cable = false;
    run(30s);
    CHECK_FALSE(far.inside.up());
    near.outside.cable = true;
    run(30s);
    CHECK(far.inside.up());
  }
  SECTION("both ends fail, and come back one after the other") {
    near.outside.cable = far.inside.cable = false;
    run(30s);
    near.outside.cable = true;
    run(30s);
    far.inside.cable = true;
    run(60s);
  }
  SECTION("both ends fail one after the other, and come back at once") {
    near.outside.cable = false;
    run(30s);
    far.inside.cable = false;
    run(30s);
    near.outside.cable = far.inside.cable = true;
    run(60s);
  }
  for (FakeLink* link : {&near.outside, &near.inside, &far.outside, &far.inside}) CHECK(link->up());
}

TEST_CASE("mirror: a raised side has time to find its link", "[port][link]") {
  Box box;
  box.inside.peer = false;  // still booting when the box starts
  box.run(LinkMirror::kPatience - 1s);
  CHECK(box.outside.raised);
  box.run(2s);
  CHECK_FALSE(box.outside.raised);
  box.inside.peer = true;
  box.run();
  CHECK(box.outside.up());
}

TEST_CASE("mirror: a side that cannot be cut is tried once", "[port][link]") {
  Box box;
  box.inside.cuttable = false;
  box.run();
  for (int i = 0; i < 3; ++i) {
    box.outside.cable = false;
    box.run();
    box.outside.cable = true;
    box.run();
  }
  REQUIRE(box.lines.size() == 1);
  CHECK_THAT(box.lines[0], Catch::Contains("inside cannot be cut: not made for that"));
}

TEST_CASE("mirror: raising is tried until it works, and at the end", "[port][link]") {
  Box box;
  box.run();
  box.outside.cable = false;
  box.run();
  box.inside.stuck = true;
  box.outside.cable = true;
  box.run();
  CHECK(box.mirror.is_cut(Side::inside));
  box.inside.stuck = false;
  box.run();
  CHECK(box.inside.up());
  box.outside.cable = false;
  box.run();
  CHECK(box.mirror.is_cut(Side::inside));
  box.mirror.end();
  CHECK(box.inside.raised);
}
