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

namespace {

/// What a host offers, and its peer.
struct Offers {
  int host, peer;
};

Network posed(const Offers& o, std::uint32_t bytes, const Links& links, unsigned seed) {
  Policy policy = Bench::quiet();
  policy.normalise.isn = true;
  Endpoint::Config host = end(In, bytes);
  host.scale = o.host;
  host.sack = seed % 3 == 0;
  // Less than the persona's first window, more than an unscaled one, or in between.
  host.buffer = seed % 4 == 0 && o.host < 10 ? 5000 : o.host < 0 ? 60000 : 200000;
  host.avoids_silly = true;
  Endpoint::Config peer = end(Out, bytes);
  peer.scale = o.peer;
  peer.sack = seed % 2 == 0;
  peer.buffer = o.peer < 0 ? 60000 : 300000;
  return {peer, host, links, seed, policy};
}

/// Checks each SYN and SYN/ACK behind the box.
void watch(Network& n) {
  n.lose = [&](const Segment& s, bool behind) {
    const Endpoint::Config& host = n.end(In).config();
    if (!behind || (s.flags & S) == 0) return false;
    if (s.flags == S && s.from == In) {
      CHECK(s.window == kPersonaWindow);
      CHECK(s.scale == kPersonaScale);
      CHECK(s.sack);
      CHECK(s.acknowledgement == 0);
    } else if (s.from == Out) {
      if (host.scale < 0) CHECK(s.scale < 0);
      if (!host.sack) CHECK(!s.sack);
    }
    return false;
  };
}

}  // namespace

TEST_CASE("simulation: hosts that offer less than the persona, and their peers",
          "[tracker][simulation][pose]") {
  for (const int host : {-1, 0, 3, 8, 14}) {
    for (const int peer : {-1, 0, 7, 14}) {
      for (unsigned seed = 1; seed <= 8; ++seed) {
        CAPTURE(host, peer, seed);
        Network n = posed({host, peer}, 1U << 19U, seed < 5 ? kClean : kLossy, seed);
        watch(n);
        n.bench.flow.v6 = seed % 2 == 0;
        n.end(Out).listen();
        n.end(In).connect(n.now());
        CHECK(n.run([&] { return n.end(Out).finished() && n.end(In).finished(); }, 300s));
        CHECK(n.end(Out).received() == n.end(In).config().to_send);
        CHECK(n.end(In).received() == n.end(Out).config().to_send);
        CHECK(n.end(In).overrun() == 0);
        CHECK(n.end(Out).overrun() == 0);
        CHECK(n.dropped("tcp-state") == 0);
        CHECK(n.needed == 0);
      }
    }
  }
}

TEST_CASE("simulation: a host offers less when it repeats its SYN", "[tracker][simulation][pose]") {
  const bool answered = GENERATE(false, true);
  for (const int peer : {-1, 0, 7}) {
    CAPTURE(answered, peer);
    Network n = posed({8, peer}, 1U << 19U, kClean, 2);
    Endpoint::Config host = n.end(In).config();
    host.again_scale = -1;
    n.end(In) = Endpoint(host);
    bool first = true;
    // The host's SYN is lost behind the box, or the answer is.
    n.lose = [&](const Segment& s, bool behind) {
      return behind && (s.flags & S) != 0 && s.from == (answered ? Out : In) &&
             std::exchange(first, false);
    };
    n.end(Out).listen();
    n.end(In).connect(n.now());
    CHECK(n.run([&] { return n.end(Out).finished() && n.end(In).finished(); }, 300s));
    CHECK(n.end(Out).received() == host.to_send);
    CHECK(n.end(In).received() == n.end(Out).config().to_send);
    CHECK(n.end(In).overrun() + n.end(Out).overrun() == 0);
    CHECK(n.needed == 0);
  }
}

TEST_CASE("simulation: simultaneous open of a host that offers less",
          "[tracker][simulation][pose]") {
  for (const int host : {-1, 3}) {
    for (const int peer : {-1, 7}) {
      for (unsigned seed = 1; seed <= 6; ++seed) {
        CAPTURE(host, peer, seed);
        Network n = posed({host, peer}, 100000, seed < 4 ? kClean : kLossy, seed);
        bool first = true;
        n.lose = [&](const Segment& s, bool behind) {
          if (behind && s.from == Out && (s.flags & S) != 0 && host < 0) CHECK(s.scale < 0);
          if (behind && s.from == In && s.flags == SA)
            CHECK(s.scale == (peer < 0 ? -1 : int{kPersonaScale}));
          return behind && s.from == In && std::exchange(first, false);
        };
        n.end(In).connect(n.now());
        n.run([&] { return n.bench.record() != nullptr; }, 5s);
        n.end(Out).connect(n.now());
        CHECK(n.run([&] { return n.end(Out).finished() && n.end(In).finished(); }, 120s));
        CHECK(n.end(Out).received() == 100000);
        CHECK(n.end(In).received() == 100000);
        CHECK(n.end(In).overrun() + n.end(Out).overrun() == 0);
        CHECK(n.dropped("tcp-state") == 0);
        CHECK(n.needed == 0);
      }
    }
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
