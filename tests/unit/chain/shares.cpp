// SPDX-License-Identifier: BSD-3-Clause
// Who takes the room for calls: not a mute host, nor one client, all of it.
#include <string>

#include "pair.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr char kMute[] = "203.0.113.10";
constexpr char kOther[] = "203.0.113.11";

/// Handshakes whose host is called, of clients that speak at once.
struct Crowd {
  explicit Crowd(std::uint32_t held = Splices::kMostHeld) : rig(policy(), held) {}

  static Policy policy() {
    Policy p = handshake_policy();
    Service other = p.services.front();
    other.address = parse_address(kOther).value();
    p.services.insert(p.services.begin() + 1, other);
    p.normalise.timing = false;
    return p;
  }

  /// Whether this client's proof made the box call the host; else it must have been dropped.
  bool call(const std::string& source, std::uint16_t port, const char* host) {
    Probe p;
    p.source = source;
    p.source_port = port;
    p.destination = host;
    p.destination_port = 443;
    p.flags = S;
    p.sequence = kClient;
    p.options = kOffer;
    const Outcome o = rig.send(Side::outside, p);
    REQUIRE(o.answers.size() == 1);
    p.options.clear();
    p.flags = PA;
    p.sequence = kClient + 1;
    cookie = o.answers[0].sequence();
    p.acknowledgement = cookie + 1;
    p.payload = {'h', 'i'};
    const Outcome proof = rig.send(Side::outside, p);
    if (!proof.passed.empty()) return true;
    CHECK(proof.end == "splice-full");
    CHECK(proof.answers.empty());
    return false;
  }

  /// Five segments more of one byte.
  void go_on(const std::string& source, std::uint16_t port, const char* host) {
    Probe p;
    p.source = source;
    p.source_port = port;
    p.destination = host;
    p.destination_port = 443;
    p.flags = PA;
    p.acknowledgement = cookie + 1;
    p.payload = {'h'};
    for (std::uint32_t i = 0; i < 5; ++i) {
      p.sequence = kClient + 3 + i;
      rig.send(Side::outside, p);
    }
  }

  Rig rig;
  std::uint32_t cookie = 0;  ///< of the last handshake
};

std::string client(int i) {
  return "198.51." + std::to_string(100 + i / 250) + "." + std::to_string(1 + i % 250);
}

}  // namespace

TEST_CASE("shares: a mute host takes its share of the calls, others are called",
          "[splice][shares]") {
  Crowd crowd;
  int called = 0;
  for (int i = 0; i < 1000; ++i) called += crowd.call(client(i), 40000, kMute) ? 1 : 0;
  CHECK(called == Shares::kOfHost);
  CHECK(crowd.call(client(1000), 40000, kOther));
  // Given up, they make room.
  crowd.rig.wait(std::chrono::seconds(6));
  CHECK(crowd.call(client(1001), 40000, kMute));
}

TEST_CASE("shares: one client takes its share of the calls, others call", "[splice][shares]") {
  Crowd crowd;
  int called = 0;
  for (std::uint16_t i = 0; i < 100; ++i)
    called += crowd.call("198.51.100.7", static_cast<std::uint16_t>(40000 + i), kMute) ? 1 : 0;
  CHECK(called == Shares::kOfSource);
  CHECK(crowd.call("198.51.100.8", 40000, kMute));
}

TEST_CASE("shares: what waits for mute hosts takes its share of the room, others are heard",
          "[splice][shares]") {
  Crowd crowd;
  const auto flood = [&](int first) {
    int called = 0;
    // Six sources, 57 calls each, six segments a call: more than all that can be held.
    for (int i = 0; i < 342; ++i)
      if (crowd.call(client(i % 6), static_cast<std::uint16_t>(first + i),
                     i % 2 ? kMute : kOther)) {
        ++called;
        crowd.go_on(client(i % 6), static_cast<std::uint16_t>(first + i), i % 2 ? kMute : kOther);
      }
    return called;
  };
  const int called = flood(40000);
  CHECK(called > 6 * 20);
  for (const char* host : {kMute, kOther}) CHECK(crowd.call("192.0.2.77", 50000, host));
  // Given up, they make room.
  crowd.rig.wait(std::chrono::seconds(6));
  CHECK(crowd.rig.chain->counters().held.get() == 0);
  CHECK(flood(45000) == called);
}

TEST_CASE("shares: what waits for mute hosts leaves the ports the buffers that it was told to",
          "[splice][shares][faults]") {
  constexpr std::uint32_t kHeld = 40;
  Crowd crowd(kHeld);
  int called = 0;
  for (int i = 0; i < 30; ++i) {
    const bool made = crowd.call(client(i), 40000, kMute);
    called += made ? 1 : 0;
    if (made) crowd.go_on(client(i), 40000, kMute);
    REQUIRE(crowd.rig.chain->counters().held.get() <= kHeld);
  }
  CHECK(crowd.rig.chain->counters().held.get() == kHeld);
  CHECK(called >= static_cast<int>(kHeld / Splice::kHeld));
  CHECK(crowd.rig.ended(Reason::splice_full) > 0);
  // Given up, they make room.
  crowd.rig.wait(std::chrono::seconds(6));
  CHECK(crowd.rig.chain->counters().held.get() == 0);
  CHECK(crowd.call(client(99), 40000, kOther));
}
