// SPDX-License-Identifier: BSD-3-Clause
// Whole connections between two TCP ends over bad links: nothing that a genuine end needs is kept
// from it.
#include <catch2/catch.hpp>
#include <utility>

#include "network.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;
using State = Endpoint::State;

namespace {

constexpr std::uint32_t kMegabyte = 1U << 20U;

struct Case {
  const char* what;
  Links links;
  Endpoint::Config outside, inside;
};

const Links kClean{0, 0, 5ms, 0ms};
const Links kLossy{0.03, 0.02, 5ms, 8ms};
const Links kBad{0.08, 0.08, 5ms, 40ms};

Endpoint::Config end(Side side, std::uint32_t bytes) {
  // The sequence numbers wrap during the transfer.
  return {.side = side, .isn = side == Out ? 0xfffc0000U : 0xfff80001U, .to_send = bytes};
}

Endpoint::Config with(Endpoint::Config c, const std::function<void(Endpoint::Config&)>& change) {
  change(c);
  return c;
}

const std::vector<Case>& cases() {
  static const auto scaled = [](Endpoint::Config& c) {
    c.scale = 4;
    c.buffer = 400000;
  };
  static const auto half = [](Endpoint::Config& c) { c.wait_for_fin = true; };
  static const auto stalls = [](Endpoint::Config& c) {
    c.stall_from = 60ms;
    c.stall_until = 20s;
  };
  static const std::vector<Case> all = {
      {"clean", kClean, end(Out, kMegabyte), end(In, kMegabyte)},
      {"lossy", kLossy, end(Out, kMegabyte), end(In, kMegabyte)},
      {"bad", kBad, end(Out, kMegabyte), end(In, kMegabyte)},
      {"scaled", kLossy, with(end(Out, 2 * kMegabyte), scaled),
       with(end(In, 2 * kMegabyte),
            [](auto& c) {
              c.scale = 9;
              c.buffer = 200000;
            })},
      {"one end scales", kLossy, with(end(Out, kMegabyte), scaled), end(In, kMegabyte)},
      {"half-closed early, data the other way for long", kLossy, end(Out, 1000),
       with(end(In, kMegabyte), half)},
      {"half-closed early by the inside", kBad, with(end(Out, kMegabyte), half), end(In, 0)},
      {"closed windows", kLossy, with(end(Out, kMegabyte), stalls),
       with(end(In, kMegabyte), stalls)},
      {"short: handshake and FIN race", kBad, end(Out, 10), end(In, 10)},
      {"nothing but FINs, at the same time", kBad, end(Out, 0), end(In, 0)},
      {"data in the SYN, taken", kLossy, with(end(Out, 5000), [](auto& c) { c.syn_data = 1000; }),
       end(In, 5000)},
      {"data in the SYN, not taken", kLossy,
       with(end(Out, 5000), [](auto& c) { c.syn_data = 1000; }),
       with(end(In, 5000), [](auto& c) { c.ignore_syn_data = true; })},
  };
  return all;
}

}  // namespace

TEST_CASE("simulation: transfers finish over bad links", "[tracker][simulation]") {
  for (const Case& c : cases()) {
    for (unsigned seed = 1; seed <= 8; ++seed) {
      for (const Side opener : {Out, In}) {
        CAPTURE(c.what, seed, opener == Out);
        Network n(c.outside, c.inside, c.links, seed);
        n.bench.flow.v6 = seed % 2 == 0;
        n.end(other(opener)).listen();
        n.end(opener).connect(n.now());
        CHECK(n.run([&] { return n.end(Out).finished() && n.end(In).finished(); }, 300s));
        CHECK(n.end(Out).received() == c.inside.to_send);
        CHECK(n.end(In).received() == c.outside.to_send);
        CHECK(n.dropped("tcp-state") == 0);
        CHECK(n.needed == 0);
        n.run([] { return false; }, 500ms);  // what is still under way
        if (const Connection* left = n.bench.record()) CHECK(name(left->state) == "time_wait");
      }
    }
  }
}

TEST_CASE("simulation: simultaneous open", "[tracker][simulation]") {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Network n(end(Out, 100000), end(In, 100000), seed == 1 ? kClean : kLossy, seed);
    // The SYN from inside passes the box, is lost behind it, and meets the other there.
    bool first = true;
    n.lose = [&](const Segment& s, bool behind) {
      return behind && s.from == In && std::exchange(first, false);
    };
    n.end(In).connect(n.now());
    n.run([&] { return n.bench.record() != nullptr; }, 5s);
    n.end(Out).connect(n.now());
    CHECK(n.run([&] { return n.end(Out).finished() && n.end(In).finished(); }, 120s));
    CHECK(n.end(Out).received() == 100000);
    CHECK(n.end(In).received() == 100000);
    CHECK(n.dropped("tcp-state") == 0);
    CHECK(n.needed == 0);
  }
}

TEST_CASE("simulation: a reset reaches the other end, whatever is lost", "[tracker][simulation]") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    for (const Side aborts : {Out, In}) {
      CAPTURE(seed, aborts == Out);
      const auto config = [&](Side side) {
        Endpoint::Config c = end(side, kMegabyte);
        if (side == aborts) c.abort_after = 300000;
        return c;
      };
      Network n(config(Out), config(In), kBad, seed);
      n.end(In).listen();
      n.end(Out).connect(n.now());
      CHECK(n.run(
          [&] { return n.end(Out).state() == State::closed && n.end(In).state() == State::closed; },
          60s));
      CHECK(n.dropped("tcp-state") == 0);
      CHECK(name(n.bench.record()->state) == "reset");
    }
  }
}

TEST_CASE("simulation: the reset is lost, or its receiver lacks what went before",
          "[tracker][simulation]") {
  const bool data_too = GENERATE(false, true);
  for (const Side aborts : {Out, In}) {
    CAPTURE(data_too, aborts == Out);
    Network n(with(end(Out, 50000), [](auto& c) { c.keep_open = true; }),
              with(end(In, 50000), [](auto& c) { c.keep_open = true; }), kClean, 1);
    n.end(In).listen();
    n.end(Out).connect(n.now());
    REQUIRE(n.run([&] { return n.end(In).received() == 50000 && n.end(Out).received() == 50000; },
                  10s));
    bool lost = false;
    n.lose = [&](const Segment& s, bool behind) {
      if (!behind || s.from != aborts || lost) return false;
      return (s.flags & R) != 0 ? lost = !data_too, lost : data_too && s.length != 0;
    };
    if (data_too) {
      // One more segment, lost behind the box; the reset stands behind it.
      Segment data;
      data.from = aborts;
      data.flags = A;
      data.sequence = n.bench.record()->ends[index(aborts)].end;
      data.acknowledgement = n.bench.record()->ends[index(other(aborts))].end;
      data.length = 100;
      REQUIRE(n.bench.send(data) == "forward");
      data.flags = RA;
      data.sequence += 100;
      data.length = 0;
      REQUIRE(n.bench.send(data) == "forward");
      n.end(aborts).reset(0);
      n.end(other(aborts)).receive(data, n.now());
    } else {
      n.end(aborts).abort();
      n.run([&] { return lost; }, 1s);
      // What the other end sends next meets a closed port.
      Segment data;
      data.from = other(aborts);
      data.flags = A;
      data.sequence = n.bench.record()->ends[index(other(aborts))].end;
      data.acknowledgement = n.bench.record()->ends[index(aborts)].end;
      data.length = 100;
      REQUIRE(n.bench.send(data) == "forward");
      n.end(aborts).receive(data, n.now());
    }
    CHECK(n.run([&] { return n.end(other(aborts)).state() == State::closed; }, 10s));
    CHECK(n.dropped("tcp-state") == 0);
  }
}

TEST_CASE("simulation: a new SYN takes the place of TIME-WAIT", "[tracker][simulation]") {
  for (const Side opener : {Out, In}) {
    for (unsigned seed = 1; seed <= 10; ++seed) {
      CAPTURE(seed, opener == Out);
      Network n(end(Out, 20000), end(In, 20000), kLossy, seed);
      n.end(other(opener)).listen();
      n.end(opener).connect(n.now());
      const auto finished = [&] { return n.end(Out).finished() && n.end(In).finished(); };
      REQUIRE(n.run(finished, 60s));
      n.run([] { return false; }, 1s);
      n.end(opener).reset(n.end(opener).config().isn + 1000000);
      n.end(opener).connect(n.now());
      n.run([&] { return n.end(opener).state() == State::open; }, 30s);
      CHECK(n.run(finished, 60s));
      CHECK(n.end(opener).received() == 20000);
      CHECK(n.end(other(opener)).received() == 20000);
    }
  }
}
