// SPDX-License-Identifier: BSD-3-Clause
// How entries come, go, and make room: restarts, challenges, grace, eviction, expiry.
#include <catch2/catch.hpp>

#include "segments.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

Flow flow_of(std::uint32_t host, bool v6 = false) {
  Flow f;
  f.v6 = v6;
  f.outside_host = host;
  return f;
}

/// Opens from outside up to established.
void establish(Bench& b, const Flow& f) {
  REQUIRE(b.send(f, {.flags = S, .sequence = 1000}) == "open");
  REQUIRE(b.send(f, {.from = In, .flags = SA, .sequence = 5000, .acknowledgement = 1001}) ==
          "forward");
  REQUIRE(b.send(f, {.sequence = 1001, .acknowledgement = 5001}) == "forward");
}

/// When the entry was gone, in ms after the last packet, with the sweep every 100 ms.
std::chrono::milliseconds life(Bench& b, std::uint8_t protocol) {
  const Time start = b.now().time;
  while (b.record(b.flow, protocol) != nullptr && b.now().time - start < 3h) b.wait(100ms);
  return std::chrono::duration_cast<std::chrono::milliseconds>(b.now().time - start);
}

}  // namespace

TEST_CASE("tracker: a SYN in a connection is challenged twice a second", "[tracker][entries]") {
  Bench b;
  b.flow.v6 = GENERATE(false, true);
  b.establish(Out);
  // The client's next 100 octets pass the box and are lost behind it.
  REQUIRE(b.send({.sequence = 1001, .acknowledgement = 5001, .length = 100, .window = 512}) ==
          "forward");
  REQUIRE(
      b.send(
          {.from = In, .sequence = 5001, .acknowledgement = 1001, .length = 10, .window = 512}) ==
      "forward");
  const Segment syn{.flags = S, .sequence = 77777};
  CHECK(b.judge(syn) == "challenge");
  CHECK(b.challenge.allowed);
  CHECK(b.challenge.sequence == 5011);
  // What the box saw, but the host never acknowledged, must not count as received.
  CHECK(b.challenge.acknowledgement == 1001);
  CHECK(b.challenge.window == 512);
  int allowed = 0;
  for (int i = 0; i < 100; ++i) {
    b.skip(50ms);
    CHECK(b.judge(syn) == "challenge");
    allowed += b.challenge.allowed ? 1 : 0;
  }
  CHECK(allowed >= 8);
  CHECK(allowed <= 10);
  CHECK(name(b.record()->state) == "established");

  // Who sent the SYN has forgotten the connection, says so exactly, and tries again.
  CHECK(b.judge({.flags = R, .sequence = b.challenge.acknowledgement}) == "forward");
  CHECK(name(b.record()->state) == "reset");
  CHECK(b.judge(syn) == "forward");
  CHECK(name(b.record()->state) == "syn_sent");
}

TEST_CASE("tracker: half-open entries are restarted by a new attempt", "[tracker][entries]") {
  Bench b;
  REQUIRE(b.send({.flags = S, .sequence = 1000}) == "open");
  CHECK(b.judge({.flags = S, .sequence = 1000}) == "forward");  // repeats: the same verdict
  CHECK(b.judge({.flags = S, .sequence = 2000}) == "opening");  // another ISN: another coin
  CHECK(b.send({.flags = S, .sequence = 2000}) == "open");
  CHECK(b.record()->opener_isn == 2000);
  CHECK(b.table().size() == 1);
}

TEST_CASE("tracker: a connection idle for five minutes is taken over", "[tracker][entries]") {
  Bench b;
  b.establish(Out);
  b.skip(299s);
  CHECK(b.judge({.flags = S, .sequence = 77777}) == "challenge");
  b.skip(2s);
  CHECK(b.judge({.flags = S, .sequence = 77777}) == "forward");
  CHECK(name(b.record()->state) == "syn_sent");
}

TEST_CASE("tracker: what the LAN opened gives its peer no right to open", "[tracker][entries]") {
  Bench b;
  b.establish(In);
  b.send({.from = In, .flags = F, .sequence = 1001, .acknowledgement = 5001});
  CHECK(b.judge({.flags = S, .sequence = 77777}) == "opening");
  CHECK(name(b.record()->state) == "closing");
}

TEST_CASE("tracker: in grace, segments from inside confirm at once", "[tracker][entries]") {
  Bench b(256, Bench::graceful());
  b.flow.v6 = GENERATE(false, true);
  CHECK(b.send({.from = In, .sequence = 5000, .acknowledgement = 1000}) == "forward");
  CHECK(name(b.record()->state) == "established");
  CHECK(b.record()->stage == Stage::settled);
  CHECK_FALSE(b.record()->provisional);
  CHECK(b.send({.sequence = 1000, .acknowledgement = 5000, .length = 1000}) == "forward");
  // The peer has more than the box saw go by: what it acknowledges was sent.
  CHECK(b.send({.sequence = 2000, .acknowledgement = 65000}) == "forward");
  CHECK(b.record()->ends[index(In)].end == 65000);
  CHECK(b.send({.from = In, .sequence = 65000, .acknowledgement = 2000, .length = 99}) ==
        "forward");
}

TEST_CASE("tracker: in grace, a repetition is the first that the box sees", "[tracker][entries]") {
  Bench b(256, Bench::graceful());
  // The host has 30000 octets under way, of which it repeats the oldest; its peer has them all.
  REQUIRE(
      b.send(
          {.from = In, .sequence = 5000, .acknowledgement = 1000, .length = 1000, .window = 0}) ==
      "forward");
  CHECK(b.send({.sequence = 1000, .acknowledgement = 35000, .window = 10}) == "forward");
  CHECK(b.send({.from = In, .flags = F, .sequence = 35000, .acknowledgement = 1000}) == "forward");
  CHECK(b.send({.flags = F, .sequence = 1000, .acknowledgement = 35001}) == "forward");
  CHECK(b.send({.from = In, .sequence = 35001, .acknowledgement = 1001}) == "forward");
  CHECK(name(b.record()->state) == "time_wait");
}

TEST_CASE("tracker: in grace, an ACK from outside is taken on trial", "[tracker][entries]") {
  Bench b(256, Bench::graceful());
  const Segment ack{.sequence = 1000, .acknowledgement = 5000};
  SECTION("only towards a host that lives") {
    b.host_lives = false;
    CHECK(b.send(ack) == "stray");
    CHECK(b.record() == nullptr);
  }
  SECTION("only a bare ACK") {
    for (const std::uint8_t flags : {SA, F, R, RA}) {
      CHECK(b.send({.flags = flags, .sequence = 1000, .acknowledgement = 5000}) == "stray");
      CHECK(b.record() == nullptr);
    }
  }
  SECTION("a refusal stays in, and the entry goes") {
    CHECK(b.send(ack) == "forward");
    CHECK(b.record()->provisional);
    CHECK(b.record()->stage == Stage::half_open);
    CHECK(b.send({.flags = F, .sequence = 1000, .acknowledgement = 5000}) == "forward");
    CHECK(b.send({.from = In, .flags = R, .sequence = 5000}) == "provisional-reset");
    CHECK(b.record() == nullptr);
  }
  SECTION("an answer confirms") {
    CHECK(b.send(ack) == "forward");
    CHECK(b.send({.from = In, .sequence = 5000, .acknowledgement = 1000, .length = 5}) ==
          "forward");
    CHECK_FALSE(b.record()->provisional);
    CHECK(b.record()->stage == Stage::settled);
    CHECK(b.send({.from = In, .flags = R, .sequence = 5005}) == "forward");
    CHECK(name(b.record()->state) == "reset");
  }
  SECTION("a SYN over it is judged as any, and not challenged") {
    CHECK(b.send(ack) == "forward");
    CHECK(b.judge({.flags = S, .sequence = 777}) == "opening");
    CHECK(b.record()->provisional);
    CHECK(b.send({.flags = S, .sequence = 777}) == "open");
    CHECK_FALSE(b.record()->provisional);
    CHECK(name(b.record()->state) == "syn_sent");
  }
  SECTION("it does not last") {
    CHECK(b.send(ack) == "forward");
    CHECK(life(b, protocol::kTcp) <= 16100ms);
  }
}

TEST_CASE("tracker: after grace nothing is picked up", "[tracker][entries]") {
  Policy p = Bench::quiet();
  p.timeouts.grace = Seconds(3600);
  Bench b(256, p);  // the clock stands at one hour
  for (const Side from : {Out, In})
    CHECK(b.send({.from = from, .sequence = 1000, .acknowledgement = 5000}) == "stray");
}

TEST_CASE("tracker: a flood of half-opens evicts nobody who settled", "[tracker][entries]") {
  constexpr std::uint32_t kCapacity = 256;
  const bool v6 = GENERATE(false, true);
  Bench b(kCapacity);
  b.flow.v6 = v6;
  for (std::uint32_t i = 0; i < 100; ++i) establish(b, flow_of(i, v6));
  const auto udp_flow = flow_of(5000, v6);
  REQUIRE(b.udp(udp_flow, In) == "open");
  for (std::uint32_t i = 0; i < 10 * kCapacity; ++i) {
    REQUIRE(b.send(flow_of(10000 + i, v6), {.flags = S, .sequence = i}) == "open");
    REQUIRE(b.udp(flow_of(90000 + i, v6), Out) == "open");
  }
  CHECK(b.table().size(Stage::half_open) == kCapacity / 4);
  CHECK(b.table().size(Stage::settled) == 101);
  CHECK(b.table().evicted() == 20 * kCapacity - kCapacity / 4);
  for (std::uint32_t i = 0; i < 100; ++i)
    REQUIRE(b.send(flow_of(i, v6), {.sequence = 1001, .acknowledgement = 5001}) == "forward");
  CHECK(b.udp(udp_flow, Out) == "forward");
  // The youngest half-opens are those that stay.
  CHECK(b.record(flow_of(10000 + 10 * kCapacity - 1, v6)) != nullptr);
  CHECK(b.record(flow_of(10000, v6)) == nullptr);
}

TEST_CASE("tracker: a table full of settled connections refuses", "[tracker][entries]") {
  constexpr std::uint32_t kCapacity = 64;
  Bench b(kCapacity);
  for (std::uint32_t i = 0; i < kCapacity; ++i) establish(b, flow_of(i));
  CHECK(b.send(flow_of(1000), {.flags = S, .sequence = 1}) == "connection-table-full");
  CHECK(b.send(flow_of(1000), {.from = In, .flags = S, .sequence = 1}) == "connection-table-full");
  CHECK(b.table().size() == kCapacity);
  for (std::uint32_t i = 0; i < kCapacity; ++i)
    CHECK(b.send(flow_of(i), {.sequence = 1001, .acknowledgement = 5001}) == "forward");
}

TEST_CASE("tracker: answered datagram flows have a share, and go before what settled",
          "[tracker][entries]") {
  constexpr std::uint32_t kCapacity = 64;
  Bench b(kCapacity);
  for (std::uint32_t i = 0; i < 2 * kCapacity; ++i) {
    REQUIRE(b.udp(flow_of(i), Out) == "open");
    REQUIRE(b.udp(flow_of(i), In) == "forward");
  }
  CHECK(b.table().size(Stage::datagram) == kCapacity / 2);
  for (std::uint32_t i = 0; i < kCapacity; ++i) establish(b, flow_of(1000 + i));
  CHECK(b.table().size(Stage::settled) == kCapacity);
  CHECK(b.table().size(Stage::datagram) == 0);
}

TEST_CASE("tracker: nothing dies early, nothing lives a sweep longer", "[tracker][entries]") {
  struct {
    const char* what;
    std::chrono::milliseconds timeout;
    std::uint8_t protocol;
    void (*make)(Bench&);
  } const rows[] = {
      {"half-open", 15s, protocol::kTcp, [](Bench& b) { b.send({.flags = S, .sequence = 1}); }},
      {"established", 7440s, protocol::kTcp, [](Bench& b) { b.establish(Out); }},
      {"closing", 120s, protocol::kTcp,
       [](Bench& b) {
         b.establish(Out);
         b.send({.flags = F, .sequence = 1001, .acknowledgement = 5001});
       }},
      {"reset", 60s, protocol::kTcp,
       [](Bench& b) {
         b.establish(Out);
         b.send({.flags = R, .sequence = 1001});
       }},
      {"time-wait", 60s, protocol::kTcp,
       [](Bench& b) {
         b.establish(Out);
         b.send({.flags = F, .sequence = 1001, .acknowledgement = 5001});
         b.send({.from = In, .flags = F, .sequence = 5001, .acknowledgement = 1002});
         b.send({.sequence = 1002, .acknowledgement = 5002});
         REQUIRE(name(b.record()->state) == "time_wait");
       }},
      {"UDP one way", 30s, protocol::kUdp, [](Bench& b) { b.udp(Out); }},
      {"UDP both ways", 180s, protocol::kUdp,
       [](Bench& b) {
         b.udp(Out);
         b.udp(In);
       }},
      {"GRE", 60s, 47, [](Bench& b) { b.other(In, 47); }},
  };
  for (const auto& row : rows) {
    for (const std::chrono::milliseconds offset : {0ms, 350ms, 990ms}) {
      CAPTURE(row.what, offset.count());
      Bench b(4096);  // most of a sweep looks at empty places
      b.wait(3s);
      b.wait(offset);
      row.make(b);
      const auto lived = life(b, row.protocol);
      CHECK(lived >= row.timeout);
      CHECK(lived <= row.timeout + 1200ms);
      CHECK(b.table().expired() == 1);
      CHECK(b.table().size() == 0);
    }
  }
}

TEST_CASE("tracker: what is used stays, and stretches as it is confirmed", "[tracker][entries]") {
  Bench b;
  b.flow.v6 = GENERATE(false, true);
  REQUIRE(b.udp(Out) == "open");
  for (int i = 0; i < 10; ++i) {
    b.wait(29s);
    REQUIRE(b.udp(Out) == "forward");
  }
  REQUIRE(b.udp(In) == "forward");
  b.wait(179s);
  CHECK(b.udp(Out) == "forward");
  b.wait(182s);
  CHECK(b.record(b.flow, protocol::kUdp) == nullptr);
}

TEST_CASE("tracker: echo replies belong to the request of their identifier", "[tracker][entries]") {
  Bench b;
  b.flow.v6 = GENERATE(false, true);
  CHECK(b.echo(Out, false) == "icmp-unrelated");
  CHECK(b.echo(In, true, 77) == "open");
  CHECK(b.echo(Out, false, 77) == "forward");
  CHECK(b.echo(Out, false, 78) == "icmp-unrelated");
  // The other way with the same identifier is another flow.
  CHECK(b.echo(Out, true, 77) == "open");
  CHECK(b.echo(In, false, 77) == "forward");
  CHECK(b.table().size() == 2);
  b.wait(62s);
  CHECK(b.echo(Out, false, 77) == "icmp-unrelated");
}

TEST_CASE("tracker: a sweep finds closer deadlines across the wrap of the clock",
          "[tracker][entries]") {
  Bench b;
  // Ticks wrap after 2^32 ms; the bench starts at one hour.
  b.skip(std::chrono::milliseconds((1LL << 32) - 3'600'000 - 5'000));
  b.tracker.sweep(b.now());
  b.send({.flags = S, .sequence = 1});
  b.wait(14s);
  CHECK(b.record() != nullptr);
  b.wait(3s);
  CHECK(b.record() == nullptr);
}
