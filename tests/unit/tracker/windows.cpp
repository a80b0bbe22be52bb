// SPDX-License-Identifier: BSD-3-Clause
// Sequence windows: RFC 9293 section 3.10.7, RFC 5961, RFC 7323.
#include <catch2/catch.hpp>

#include "segments.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

struct Setting {
  std::uint32_t client = 1000, server = 5000;  ///< ISNs
  int client_scale = -1, server_scale = -1;
  std::uint16_t client_window = 20000, server_window = 10000;
};

/// An established connection; the client outside.
struct Peers {
  explicit Peers(const Setting& setting = {}) : s(setting) {
    b.send({.flags = S, .sequence = s.client, .window = s.client_window, .scale = s.client_scale});
    b.send({.from = In,
            .flags = SA,
            .sequence = s.server,
            .acknowledgement = s.client + 1,
            .window = s.server_window,
            .scale = s.server_scale});
    REQUIRE(client(0, 0) == "forward");
    REQUIRE(name(b.record()->state) == "established");
  }
  /// Numbers count from the first octet behind the SYN.
  std::string client(std::uint32_t at, std::uint16_t length, std::uint32_t ack = 0,
                     std::uint8_t flags = A) {
    return b.send({.flags = flags,
                   .sequence = s.client + 1 + at,
                   .acknowledgement = s.server + 1 + ack,
                   .length = length,
                   .window = s.client_window});
  }
  std::string server(std::uint32_t at, std::uint16_t length, std::uint32_t ack = 0,
                     std::uint8_t flags = A) {
    return b.send({.from = In,
                   .flags = flags,
                   .sequence = s.server + 1 + at,
                   .acknowledgement = s.client + 1 + ack,
                   .length = length,
                   .window = s.server_window});
  }
  Setting s;
  Bench b;
};

}  // namespace

TEST_CASE("window: data up to it passes, beyond it not", "[tracker][window]") {
  // The numbers wrap within the window, at its edges, and not at all.
  const std::uint32_t isn = GENERATE(1000U, 0xffffffffU, 0xfffffffeU, 0xffffffffU - 10000U,
                                     0xffffffffU - 5000U, 0x7fffffffU, 0x80000000U - 10001U);
  CAPTURE(isn);
  Peers p({.client = isn, .server = isn ^ 0x40000000U});
  CHECK(p.client(10002, 0) == "tcp-window");
  CHECK(p.client(0x40000000, 100) == "tcp-window");
  CHECK(p.client(0xc0000000, 100) == "tcp-window");
  CHECK(p.client(0, 1000) == "forward");
  CHECK(p.client(9000, 1000) == "forward");
  CHECK(p.client(10000, 1) == "forward");  // a probe of a closed window
  CHECK(p.client(10001, 1) == "forward");  // its repetition a step on
  CHECK(p.client(10002, 1) == "tcp-window");
  CHECK(p.server(0, 0, 5000) == "forward");  // moves the window
  CHECK(p.client(10002, 1000) == "forward");
  CHECK(p.client(15002, 1) == "tcp-window");
  CHECK(p.server(20002, 1) == "tcp-window");
  CHECK(p.server(19000, 1000, 5000) == "forward");
}

TEST_CASE("window: what is older than any window is refused", "[tracker][window]") {
  Peers p({.client = 0xfffff000U});
  for (std::uint32_t at = 0; at < 100000; at += 1000) {
    REQUIRE(p.client(at, 1000) == "forward");
    REQUIRE(p.server(0, 0, at + 1000) == "forward");
  }
  CHECK(p.client(99000, 1000) == "forward");  // a repetition
  CHECK(p.client(89999, 1) == "forward");
  CHECK(p.client(89000, 999) == "forward");
  CHECK(p.client(89000, 998) == "tcp-window");
  CHECK(p.client(0, 1000) == "tcp-window");
  CHECK(p.client(99999, 0) == "forward");  // keepalive: one octet back (RFC 9293 3.8.4)
  CHECK(p.client(99999, 1) == "forward");  // with a garbage octet
}

TEST_CASE("window: acknowledgements lie between two windows back and what was sent",
          "[tracker][window]") {
  Setting big;
  big.client_window = big.server_window = 50000;
  Peers p(big);
  for (std::uint32_t at = 0; at < 300000; at += 10000) {
    REQUIRE(p.client(at, 10000) == "forward");
    REQUIRE(p.server(0, 0, at + 10000) == "forward");
  }
  CHECK(p.server(0, 0, 300000) == "forward");
  CHECK(p.server(0, 0, 300001) == "tcp-window");
  CHECK(p.server(0, 0, 0x80000000U) == "tcp-window");
  CHECK(p.server(0, 0, 200000) == "forward");
  CHECK(p.server(0, 0, 199999) == "tcp-window");
  CHECK(p.server(0, 0, 0) == "tcp-window");
}

TEST_CASE("window: scales count only when both SYNs offer them", "[tracker][window]") {
  struct {
    int client, server;
    std::uint32_t limit;  ///< of the client's octets
  } const rows[] = {{-1, -1, 10000}, {7, -1, 10000},         {-1, 7, 10000},        {0, 0, 10000},
                    {2, 3, 80000},   {7, 14, 10000U << 14U}, {7, 15, 10000U << 14U}};
  for (const auto& row : rows) {
    CAPTURE(row.client, row.server);
    Peers p({.client_scale = row.client, .server_scale = row.server});
    // The SYN/ACK's own window is never scaled.
    CHECK(p.client(10002, 1) == "tcp-window");
    REQUIRE(p.server(0, 0) == "forward");
    CHECK(p.client(row.limit + 2, 1) == "tcp-window");
    CHECK(p.client(row.limit + 1, 1) == "forward");
  }
}

TEST_CASE("window: a window may close and open again", "[tracker][window]") {
  Peers p;
  REQUIRE(p.client(0, 10000) == "forward");
  p.s.server_window = 0;
  REQUIRE(p.server(0, 0, 10000) == "forward");
  for (int i = 0; i < 3; ++i) {
    CHECK(p.client(10000, 1) == "forward");
    CHECK(p.server(0, 0, 10000) == "forward");
  }
  CHECK(p.client(10002, 1) == "tcp-window");
  p.s.server_window = 4000;
  REQUIRE(p.server(0, 0, 10001) == "forward");
  CHECK(p.client(10001, 4000) == "forward");
  CHECK(p.client(14003, 1) == "tcp-window");
}

TEST_CASE("window: only an exact reset ends the connection", "[tracker][window]") {
  const auto state = [](Peers& p) { return name(p.b.record()->state); };
  Peers p;
  REQUIRE(p.client(0, 5000) == "forward");
  REQUIRE(p.server(0, 0, 2000) == "forward");
  CHECK(p.client(2001, 0, 0, R) == "forward");  // in the window: its receiver challenges it
  CHECK(state(p) == "established");
  CHECK(p.client(15000, 0, 0, R) == "tcp-window");
  CHECK(p.client(0xc0000000, 0, 0, R) == "tcp-window");
  CHECK(state(p) == "established");
  SECTION("where the sender stands") {
    CHECK(p.client(5000, 0, 0, R) == "forward");
    CHECK(state(p) == "reset");
  }
  SECTION("where its receiver stands") {
    CHECK(p.client(2000, 0, 0, R) == "forward");
    CHECK(state(p) == "reset");
  }
  SECTION("with an acknowledgement of 0, without ACK") {
    CHECK(p.b.send({.from = In, .flags = R, .sequence = 5001}) == "forward");
    CHECK(state(p) == "reset");
  }
}

TEST_CASE("window: the answer to a SYN", "[tracker][window]") {
  Bench b;
  REQUIRE(b.send({.flags = S, .sequence = 1000, .length = 100}) == "open");
  SECTION("answers that SYN") {
    for (const std::uint32_t ack : {1000U, 1102U, 0U})
      CHECK(b.send({.from = In, .flags = SA, .sequence = 5000, .acknowledgement = ack}) ==
            "tcp-window");
    CHECK(b.send({.from = In, .flags = RA, .acknowledgement = 1000}) == "tcp-window");
    CHECK(name(b.record()->state) == "syn_sent");
  }
  SECTION("takes the data that came with it") {
    CHECK(b.send({.from = In, .flags = SA, .sequence = 5000, .acknowledgement = 1101}) ==
          "forward");
  }
  SECTION("leaves that data out") {
    CHECK(b.send({.from = In, .flags = SA, .sequence = 5000, .acknowledgement = 1001}) ==
          "forward");
    CHECK(b.send({.sequence = 1001, .acknowledgement = 5001, .length = 100}) == "forward");
  }
  SECTION("which may be repeated without them") {
    CHECK(b.judge({.flags = S, .sequence = 1000}) == "forward");
    CHECK(b.judge({.flags = S, .sequence = 1001}) == "opening");
  }
  SECTION("or refuses it") {
    CHECK(b.send({.from = In, .flags = RA, .acknowledgement = 1101}) == "forward");
    CHECK(name(b.record()->state) == "reset");
  }
  SECTION("or challenges it, whose answer is a reset") {
    CHECK(b.send({.from = In, .sequence = 777, .acknowledgement = 888}) == "forward");
    CHECK(b.send({.flags = R, .sequence = 889}) == "tcp-window");
    CHECK(b.send({.flags = R, .sequence = 888}) == "forward");
    CHECK(name(b.record()->state) == "syn_sent");
    CHECK(b.judge({.flags = S, .sequence = 1000}) == "forward");
  }
}
