// SPDX-License-Identifier: BSD-3-Clause
// Every transition of the TCP state table, by what passes and what follows.
#include <catch2/catch.hpp>

#include "segments.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

/// Brings a connection opened from inside (ISNs 1000 and 5000) into a state.
void bring(Bench& b, TcpState state) {
  const auto in = [&](std::uint8_t flags, std::uint32_t sequence, std::uint32_t ack) {
    b.send({.from = In, .flags = flags, .sequence = sequence, .acknowledgement = ack});
  };
  const auto out = [&](std::uint8_t flags, std::uint32_t sequence, std::uint32_t ack) {
    b.send({.from = Out, .flags = flags, .sequence = sequence, .acknowledgement = ack});
  };
  in(S, 1000, 0);
  if (state == TcpState::simultaneous) out(S, 5000, 0);
  if (state <= TcpState::simultaneous) return;
  out(SA, 5000, 1001);
  if (state == TcpState::syn_received) return;
  in(A, 1001, 5001);
  if (state == TcpState::reset) in(R, 1001, 0);
  if (state == TcpState::established || state == TcpState::reset) return;
  in(F, 1001, 5001);
  if (state == TcpState::closing) return;
  out(F, 5001, 1001);
  if (state == TcpState::last_ack) return;
  in(A, 1002, 5002);
  out(A, 5002, 1002);
}

struct Row {
  TcpState state;
  Side from;
  const char* after[5];  ///< SYN, SYN/ACK, ACK, FIN, RST
};

using enum TcpState;
constexpr const char* kIllegal = "tcp-state";
const Row kRows[] = {
    {syn_sent, In, {"open syn_sent", kIllegal, kIllegal, kIllegal, "forward reset"}},
    {syn_sent,
     Out,
     {"forward simultaneous", "forward syn_received", "forward syn_sent", kIllegal,
      "forward reset"}},
    {simultaneous,
     In,
     {"open syn_sent", "forward syn_received", "forward established", "forward closing",
      "forward reset"}},
    {simultaneous,
     Out,
     {"opening simultaneous", "forward syn_received", "forward established", "forward closing",
      "forward reset"}},
    {syn_received,
     In,
     {"open syn_sent", "forward syn_received", "forward established", "forward closing",
      "forward reset"}},
    {syn_received,
     Out,
     {"opening syn_received", "forward syn_received", "forward syn_received", "forward closing",
      "forward reset"}},
    {established,
     In,
     {"forward syn_sent", "forward established", "forward established", "forward closing",
      "forward reset"}},
    {established,
     Out,
     {"challenge established", "forward established", "forward established", "forward closing",
      "forward reset"}},
    {closing,
     In,
     {"forward syn_sent", kIllegal, "forward closing", "forward closing", "forward reset"}},
    {closing,
     Out,
     {"opening closing", "forward closing", "forward closing", "forward last_ack",
      "forward reset"}},
    {last_ack,
     In,
     {"forward syn_sent", kIllegal, "forward last_ack", "forward last_ack", "forward reset"}},
    {last_ack,
     Out,
     {"opening last_ack", kIllegal, "forward last_ack", "forward last_ack", "forward reset"}},
    {time_wait,
     In,
     {"forward syn_sent", kIllegal, "forward time_wait", "forward time_wait", "forward time_wait"}},
    {time_wait,
     Out,
     {"opening time_wait", kIllegal, "forward time_wait", "forward time_wait",
      "forward time_wait"}},
    {TcpState::reset,
     In,
     {"forward syn_sent", kIllegal, "forward reset", "forward reset", "forward reset"}},
    {TcpState::reset,
     Out,
     {"opening reset", "forward reset", "forward reset", "forward reset", "forward reset"}},
};
static_assert(std::size(kRows) == kTcpStates * kSides);

}  // namespace

TEST_CASE("tracker: every state, direction and kind of segment", "[tracker][states]") {
  const std::uint8_t flags[kTcpEvents] = {S, SA, A, F, RA};
  const bool v6 = GENERATE(false, true);
  for (const Row& row : kRows) {
    for (std::size_t event = 0; event < kTcpEvents; ++event) {
      CAPTURE(v6, name(row.state), row.from == In, event);
      Bench b;
      b.flow.v6 = v6;
      bring(b, row.state);
      REQUIRE(b.record() != nullptr);
      REQUIRE(name(b.record()->state) == name(row.state));
      const TcpEnd& sender = b.record()->ends[index(row.from)];
      const TcpEnd& receiver = b.record()->ends[index(other(row.from))];
      Segment s;
      s.from = row.from;
      s.flags = flags[event];
      s.sequence = sender.end;
      s.acknowledgement = receiver.end;
      if (event == 0) s.sequence = 900000;  // another ISN
      if (event == 1) s.sequence = row.from == In ? 1000 : 5000;
      const std::string verdict = b.judge(s);
      REQUIRE(b.record() != nullptr);
      if (verdict == kIllegal) {
        CHECK(verdict == row.after[event]);
        CHECK(name(b.record()->state) == name(row.state));
      } else {
        CHECK(verdict + " " + name(b.record()->state) == row.after[event]);
      }
    }
  }
}

TEST_CASE("tracker: from outside a new SYN takes the place of its own closed connection",
          "[tracker][states]") {
  for (const std::uint8_t end : {F, R}) {
    Bench b;
    b.establish(Out);
    b.send({.from = Out, .flags = end, .sequence = 1001, .acknowledgement = 5001});
    CAPTURE(name(b.record()->state));
    CHECK(b.judge({.from = Out, .flags = S, .sequence = 900000}) == "forward");
    CHECK(name(b.record()->state) == "syn_sent");
    CHECK(b.record()->stage == Stage::half_open);
    CHECK(b.send({.from = In, .flags = SA, .sequence = 7000, .acknowledgement = 900001}) ==
          "forward");
    CHECK(b.send({.from = Out, .sequence = 900001, .acknowledgement = 7001}) == "forward");
    CHECK(name(b.record()->state) == "established");
    CHECK(b.record()->stage == Stage::settled);
  }
}

TEST_CASE("tracker: a late copy of the first SYN changes nothing", "[tracker][states]") {
  for (const Side opener : {Out, In}) {
    Bench b;
    b.establish(opener);
    const Segment copy{.from = opener, .flags = S, .sequence = 1000};
    CHECK(b.judge(copy) == (opener == Out ? "challenge" : "forward"));
    CHECK(name(b.record()->state) == "established");
    b.send({.from = opener, .flags = F, .sequence = 1001, .acknowledgement = 5001});
    CHECK(b.judge(copy) == "forward");
    CHECK(name(b.record()->state) == "closing");
    b.send({.from = other(opener), .flags = F, .sequence = 5001, .acknowledgement = 1001});
    CHECK(b.judge(copy) == "forward");
    CHECK(name(b.record()->state) == "last_ack");
    b.send({.from = opener, .sequence = 1002, .acknowledgement = 5002});
    b.send({.from = other(opener), .sequence = 5002, .acknowledgement = 1002});
    CHECK(b.judge(copy) == "forward");
    CHECK(name(b.record()->state) == "time_wait");
  }
}

TEST_CASE("tracker: other segments than openings have no connection", "[tracker][states]") {
  for (const Side from : {Out, In})
    for (const std::uint8_t flags : {SA, A, F, R, RA}) {
      Bench b;
      CHECK(b.send({.from = from, .flags = flags, .sequence = 5, .acknowledgement = 6}) == "stray");
      CHECK(b.record() == nullptr);
    }
}

TEST_CASE("tracker: who guesses the host's number does not settle", "[tracker][states]") {
  Bench b;
  b.send({.from = Out, .flags = S, .sequence = 1000});
  b.send({.from = In, .flags = SA, .sequence = 5000, .acknowledgement = 1001});
  for (const std::uint32_t ack : {5000U, 4999U, 5000U - 60000U, 5002U}) {
    for (const std::uint8_t flags : {A, F}) {
      CHECK(b.send({.from = Out, .flags = flags, .sequence = 1001, .acknowledgement = ack}) ==
            "tcp-window");
      CHECK(name(b.record()->state) == "syn_received");
      CHECK(b.record()->stage == Stage::half_open);
    }
  }
  CHECK(b.send({.from = Out, .flags = F, .sequence = 1001, .acknowledgement = 5001}) == "forward");
  CHECK(name(b.record()->state) == "closing");
  CHECK(b.record()->stage == Stage::settled);
}
