// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <catch2/catch.hpp>

#include "workers.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

using Kind = Fact::Kind;

Address at(const std::string& text) {
  return parse_address(text).value();
}

const Address kHost = at("192.0.2.9");
const Bytes kTraffic = udp({"192.0.2.9 to 198.51.100.7", "H9>R1", ""});
const Bytes kProbe = udp({"198.51.100.7 to 192.0.2.9", "R1>BOX", ""});
const Bytes kAsk = arp({"who-has 192.0.2.9 tell 192.0.2.1", "R1>*", ""});
const Bytes kClaim = arp({"who-has 192.0.2.1 tell 192.0.2.9", "H9>*", ""});

/// Listed, probed in vain, and answered once.
void settle(Workers& w) {
  w.wait(4s);
  REQUIRE(w.speaker().from(Side::outside, kAsk) == "neighbour-answered");
  w.speaker().take();
  w.told.clear();
}

std::size_t count(const Workers& w, Kind kind) {
  return static_cast<std::size_t>(std::count_if(
      w.told.begin(), w.told.end(), [&](const auto& t) { return t.fact.kind == kind; }));
}

/// Worker `i` never made a frame.
void check_silent(Workers& w) {
  for (std::size_t i = 1; i < w.size(); ++i) CHECK(w[i].take().empty());
}

}  // namespace

TEST_CASE("facts: a gateway that the speaker learned by ARP is one for all",
          "[neighbours][facts]") {
  Workers w(policy_with({}), 3);
  w.speaker().from(Side::outside, arp({"who-has 192.0.2.200 tell 192.0.2.7", "R2>*", ""}));
  for (std::size_t i = 0; i < w.size(); ++i) {
    CHECK(w[i].neighbours().is_gateway(at("192.0.2.7")));
    CHECK(w[i].neighbours().is_gateway_mac(mac("R2")));
  }
  // It is told once however often it asks, and then repeated.
  for (int i = 0; i < 1000; ++i)
    w.speaker().from(Side::outside, arp({"who-has 192.0.2.200 tell 192.0.2.7", "R2>*", ""}));
  CHECK(count(w, Kind::gateway) == 1);
  CHECK(count(w, Kind::gateway_mac) == 1);
  w.wait(60s);
  CHECK(count(w, Kind::gateway) == 7);
  CHECK(count(w, Kind::gateway_mac) == 7);
  CHECK(std::all_of(w.told.begin(), w.told.end(), [](const auto& t) { return t.by == 0; }));
  check_silent(w);
}

TEST_CASE("facts: a gateway's MAC that a listener saw reaches all", "[neighbours][facts]") {
  Workers w(policy_with({}), 3);
  w.wait(1s);
  w.lossy = true;
  w[1].neighbours().learn_gateway_mac(mac("R3"));
  CHECK_FALSE(w[0].neighbours().is_gateway_mac(mac("R3")));
  w.lossy = false;
  // Every packet of the gateway says it; few of them tell.
  for (int i = 0; i < 30; ++i) {
    w.wait(1s);
    w[1].neighbours().learn_gateway_mac(mac("R3"));
  }
  CHECK(w[0].neighbours().is_gateway_mac(mac("R3")));
  CHECK(w[2].neighbours().is_gateway_mac(mac("R3")));
  CHECK(w.told.size() <= 8);
  w.told.clear();
  for (int i = 0; i < 60; ++i) {
    w.wait(1s);
    for (std::size_t k = 0; k < w.size(); ++k) w[k].neighbours().learn_gateway_mac(mac("R3"));
  }
  CHECK(w.told.size() <= 13);
}

TEST_CASE("facts: traffic on a listener makes the speaker stop answering, and announce once",
          "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9"}), 3);
  settle(w);
  w[1].traffic(kTraffic);
  CHECK(w.all_live(kHost));
  CHECK(w.speaker().from(Side::outside, kAsk) == "forward");
  w.wait(1s);
  CHECK(w.speaker().take() ==
        std::vector<std::string>{"outside: who-has 192.0.2.9 tell 192.0.2.9 H9 | H9>*"});
  // Nor do more packets, on any worker, announce it again or tell it anew at once.
  for (std::size_t i = 0; i < w.size(); ++i) w[i].traffic(kTraffic);
  w.wait(2s);
  CHECK(w.speaker().take().empty());
  CHECK(count(w, Kind::host) <= 2);
  check_silent(w);
}

TEST_CASE("facts: a listener corrects the destination of a host it heard of",
          "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9", "2001:db8::9"}), 2);
  settle(w);
  CHECK(w[1].corrected(kProbe).empty());
  w.speaker().from(Side::inside, kClaim);
  w.speaker().from(Side::inside, nd({"who-has 2001:db8::1 tell 2001:db8::9", "H8>ff02::1", "7"}));
  CHECK(w[1].corrected(kProbe) == "ip | R1>H9");
  CHECK(w[1].corrected(udp({"2001:db8:f::1 to 2001:db8::9", "R1>BOX", ""})) == "ip | R1>H8");
  // A new card is news even if the host was seen just now.
  w.speaker().from(Side::inside, arp({"who-has 192.0.2.1 tell 192.0.2.9", "H7>*", ""}));
  CHECK(w[1].corrected(kProbe) == "ip | R1>H7");
  CHECK(w[1].neighbours().counters().rewrites == 3);
  check_silent(w);
}

TEST_CASE("facts: who moves outside or inside moves on all workers", "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9"}), 3);
  settle(w);
  w[2].traffic(kTraffic);
  REQUIRE(w.all_live(kHost));
  w.speaker().from(Side::outside, arp({"192.0.2.9 is-at to 192.0.2.1", "R9>R1", ""}));
  CHECK(w.none_live(kHost));
  for (std::size_t i = 0; i < w.size(); ++i) CHECK(w[i].neighbours().is_gateway(kHost));
  // IP traffic inside does not move it back, nor does ARP before it was silent.
  w[1].traffic(kTraffic);
  w.speaker().from(Side::inside, kClaim);
  CHECK(w.none_live(kHost));
  w.wait(301s);
  w[1].traffic(kTraffic);
  CHECK(w.none_live(kHost));
  w.speaker().from(Side::inside, kClaim);
  CHECK(w.all_live(kHost));
  for (std::size_t i = 0; i < w.size(); ++i) CHECK_FALSE(w[i].neighbours().is_gateway(kHost));
  check_silent(w);
}

TEST_CASE("facts: a host that falls silent is dark for all, and wakes for all",
          "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9", "192.0.2.10"}), 3);
  settle(w);
  w[1].traffic(kTraffic);
  w.wait(150s);
  w[2].traffic(kTraffic);
  w.wait(299s);
  CHECK(w.all_live(kHost));  // neither worker gave it up on its own
  w.wait(10s);
  CHECK(w.none_live(kHost));
  CHECK(count(w, Kind::dark) == 1);
  CHECK(w.speaker().from(Side::outside, kAsk) == "neighbour-answered");
  w.wait(600s);
  CHECK(w.none_live(kHost));
  w[2].traffic(kTraffic);
  CHECK(w.all_live(kHost));
  check_silent(w);
}

TEST_CASE("facts: a host that answers the speaker's probe stays live for all",
          "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9"}), 2);
  settle(w);
  w.speaker().from(Side::inside, kClaim);
  for (int i = 0; i < 3000; ++i) {
    w.wait(500ms);
    if (!w.speaker().take().empty())
      w.speaker().from(Side::inside, arp({"192.0.2.9 is-at to 0.0.0.0", "H9>BOX", ""}));
    REQUIRE(w.all_live(kHost));
  }
  // A sign of life every five minutes is repeated, but told as new only when it is.
  CHECK(count(w, Kind::host) <= 1500 / 10 + 10);
}

TEST_CASE("facts: a frame to a dark address on a listener makes the speaker probe it",
          "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9"}), 3);
  w.wait(64s);
  w.speaker().take();
  for (int i = 0; i < 1000; ++i) CHECK(w[1].corrected(kProbe).empty());
  CHECK(count(w, Kind::wanted) == 1);
  w.wait(1s);
  CHECK(w.speaker().take() ==
        std::vector<std::string>{"inside: who-has 192.0.2.9 tell 0.0.0.0 BOX | BOX>*"});
  w.speaker().from(Side::inside, arp({"192.0.2.9 is-at to 0.0.0.0", "H9>BOX", ""}));
  CHECK(w.all_live(kHost));
  // The router still has the box's MAC.
  w.wait(10s);
  CHECK(w[2].corrected(kProbe) == "ip | R1>H9");
  w[2].traffic(kTraffic);  // the announcement is the speaker's
  w.wait(1s);
  CHECK(w.speaker().take() ==
        std::vector<std::string>{"outside: who-has 192.0.2.9 tell 192.0.2.9 H9 | H9>*"});
  check_silent(w);
}

TEST_CASE("facts: lost ones heal", "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9"}), 3);
  settle(w);
  w.lossy = true;
  w.speaker().from(Side::outside, arp({"who-has 192.0.2.200 tell 192.0.2.7", "R2>*", ""}));
  w[1].traffic(kTraffic);
  CHECK_FALSE(w[2].neighbours().is_gateway(at("192.0.2.7")));
  CHECK_FALSE(w[0].neighbours().is_live(kHost, w[0].now()));
  w.lossy = false;
  w.wait(11s);
  w[1].traffic(kTraffic);  // the host talks on
  CHECK(w[2].neighbours().is_gateway(at("192.0.2.7")));
  CHECK(w[2].neighbours().is_gateway_mac(mac("R2")));
  CHECK(w.all_live(kHost));
  SECTION("that it went dark") {
    w.wait(299s);
    w.lossy = true;
    w.wait(5s);
    w.lossy = false;
    CHECK(w[2].neighbours().is_live(kHost, w[2].now()));
    w.wait(65s);
    CHECK(w.none_live(kHost));
  }
  SECTION("that it was seen by one who never saw it again") {
    w.speaker().from(Side::outside, arp({"192.0.2.9 is-at to 192.0.2.1", "R9>R1", ""}));
    w.wait(301s);
    w.lossy = true;
    w.speaker().from(Side::inside, kClaim);
    w.lossy = false;
    CHECK_FALSE(w[1].neighbours().is_live(kHost, w[1].now()));
    w.wait(11s);
    CHECK(w.all_live(kHost));
  }
}

TEST_CASE("facts: what was learned is not told on, nor kept alive by repetition",
          "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9"}), 4);
  settle(w);
  w[1].traffic(kTraffic);
  w[1].traffic(udp({"192.0.2.77 to 198.51.100.7", "H7>R1", ""}));
  CHECK(w.told.size() == 2);
  CHECK(w.all_live(at("192.0.2.77")));
  w.wait(301s);
  CHECK(w.none_live(at("192.0.2.77")));
  CHECK(std::none_of(w.told.begin(), w.told.end(), [](const auto& t) { return t.by > 1; }));
  // Signs of life on all workers are told by whoever is due first.
  w.told.clear();
  for (int s = 0; s < 100; ++s) {
    for (std::size_t i = 0; i < w.size(); ++i)
      w[i].traffic(udp({"192.0.2.77 to 198.51.100.7", "H7>R1", ""}));
    w.wait(1s);
  }
  CHECK(std::count_if(w.told.begin(), w.told.end(),
                      [](const auto& t) { return t.fact.address == at("192.0.2.77"); }) <= 11);
}

TEST_CASE("facts: an ARP flood makes at most one fact a frame", "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9"}), 3);
  settle(w);
  for (int i = 0; i < 1000; ++i)
    w.speaker().from(Side::inside,
                     arp({"who-has 192.0.2.1 tell 192.0.2.9", i % 2 == 0 ? "H8>*" : "H9>*", ""}));
  CHECK(w.told.size() <= 1000);
  w.told.clear();
  // The same in IP, which routers inside may send from two MACs all the time.
  for (int i = 0; i < 1000; ++i)
    w[1].traffic(udp({"192.0.2.9 to 198.51.100.7", i % 2 == 0 ? "H8>R1" : "H9>R1", ""}));
  CHECK(w.told.size() <= 1);
  check_silent(w);
}

TEST_CASE("facts: the clocks of two lcores may differ by a burst", "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9"}), 2);
  settle(w);
  w[1].skip(3ms);
  w[1].traffic(kTraffic);
  CHECK(w.all_live(kHost));
  w.wait(1s);
  CHECK(w.all_live(kHost));
}

TEST_CASE("facts: news is not undone by older news", "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9"}), 2);
  settle(w);
  w.speaker().from(Side::inside, kClaim);
  w.wait(2s);
  w[1].traffic(udp({"192.0.2.9 to 198.51.100.7", "H8>R1", ""}));
  // The speaker repeats the MAC of the claim, with the time of the claim.
  w.wait(7s);
  CHECK(w[1].corrected(kProbe) == "ip | R1>H8");
  // Nor does the speaker's giving it up weigh more than what was seen since.
  w[1].traffic(kTraffic);
  w[1].neighbours().learn(Fact::about(Kind::dark, kHost), w[1].now());
  CHECK(w[1].neighbours().is_live(kHost, w[1].now()));
}

TEST_CASE("facts: what rests on a sign of life long ago is none", "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9"}), 2);
  settle(w);
  Fact fact = Fact::about(Kind::host, kHost, w[1].now().tick - 400'000);
  fact.mac = mac("H9");
  w[1].neighbours().learn(fact, w[1].now());
  CHECK_FALSE(w[1].neighbours().is_live(kHost, w[1].now()));
  fact.seen = w[1].now().tick - 290'000;
  w[1].neighbours().learn(fact, w[1].now());
  CHECK(w[1].neighbours().is_live(kHost, w[1].now()));
}

TEST_CASE("facts: a listener takes no part in ARP and ND", "[neighbours][facts]") {
  Workers w(policy_with({"192.0.2.9"}), 2);
  settle(w);
  CHECK(w[1].from(Side::outside, kAsk) == "forward");
  CHECK(w[1].from(Side::inside, kClaim) == "forward");
  CHECK(w.told.empty());
  check_silent(w);
}
