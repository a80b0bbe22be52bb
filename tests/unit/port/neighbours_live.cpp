// SPDX-License-Identifier: BSD-3-Clause
// Answers for live hosts (policy `answer_live`): in whose name, under which MAC, and how sure.
#include <algorithm>
#include <catch2/catch.hpp>

#include "lan.hpp"
#include "workers.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;
constexpr Side kOutside = Side::outside;
constexpr Side kInside = Side::inside;

const std::string kGroup = "ff02::1:ff00:9";
const Bytes kAsk4 = arp({"who-has 192.0.2.9 tell 192.0.2.1", "R1>*", ""});
const Bytes kAsk6 = nd({"who-has 2001:db8::9 tell fe80::1", "R1>" + kGroup, ""});
const std::string kProbe4 = "inside: who-has 192.0.2.9 tell 0.0.0.0 BOX | BOX>*";
const std::string kProbe6 = "inside: NS 2001:db8::9 ::>ff02::1:ff00:9 | BOX>solicited";

Policy live_policy() {
  return policy_with({"192.0.2.9", "2001:db8::9"});
}

std::string answer4(const std::string& name) {
  return "outside: 192.0.2.9 is-at " + name + " to 192.0.2.1 R1 | " + name + ">R1";
}
std::string answer6(const std::string& name, const std::string& flags = "SO") {
  return "outside: NA 2001:db8::9 2001:db8::9>fe80::1 " + flags + " 2=" + name + " | " + name +
         ">R1";
}
std::string announced4(const std::string& name) {
  return "outside: who-has 192.0.2.9 tell 192.0.2.9 " + name + " | " + name + ">*";
}

/// H9 has answered the box's first probe, over both families.
void enliven(Lan& lan) {
  lan.wait(100ms);
  lan.from(kInside, arp({"192.0.2.9 is-at to 0.0.0.0", "H9>BOX", ""}));
  lan.from(kInside, nd({"2001:db8::9 is-at to ff02::1", "H9>BOX", ""}));
  lan.take();
}

Bytes traffic4(const std::string& link, const std::string& vlan = "") {
  return udp({"192.0.2.9 to 198.51.100.7", link, vlan});
}

std::size_t count(const Lines& lines, const std::string& line) {
  return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), line));
}

}  // namespace

TEST_CASE("live: answered in its own name over both families, at the first question",
          "[neighbours][live]") {
  Lan lan(live_policy());
  enliven(lan);
  CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
  CHECK(lan.take() == Lines{answer4("H9")});
  CHECK(lan.from(kOutside, kAsk6) == "neighbour-answered");
  CHECK(lan.take() == Lines{answer6("H9")});
  // As a router makes sure, from its own address or a link-local one.
  CHECK(lan.from(kOutside, nd({"who-has 2001:db8::9 tell fe80::1", "R1>H9", ""})) ==
        "neighbour-answered");
  CHECK(lan.take() == Lines{answer6("H9")});
  // Not for who looks for a free address, or for a stranger.
  for (const char* what : {"who-has 2001:db8::9 tell ::", "who-has 2001:db8::9 tell 2001:db8:f::1"})
    CHECK(lan.from(kOutside, nd({what, "R1>" + kGroup, ""})) == "forward");
  for (const char* what : {"who-has 192.0.2.9 tell 0.0.0.0", "who-has 192.0.2.9 tell 10.1.2.3"})
    CHECK(lan.from(kOutside, arp({what, "R1>*", ""})) == "forward");
  CHECK(lan.take().empty());
}

TEST_CASE("live: switched off, its requests go on to the host", "[neighbours][live]") {
  Policy policy = live_policy();
  policy.neighbours.answer_live = false;
  Lan lan(policy);
  enliven(lan);
  CHECK(lan.from(kOutside, kAsk4) == "forward");
  CHECK(lan.from(kOutside, kAsk6) == "forward");
  CHECK(lan.take().empty());
}

TEST_CASE("live: an address claimed outside is its owner's", "[neighbours][live]") {
  Lan lan(live_policy());
  enliven(lan);
  lan.from(kOutside, arp({"192.0.2.9 is-at to 192.0.2.1", "R5>R1", ""}));
  CHECK(lan.from(kOutside, kAsk4) == "forward");
  CHECK(lan.take().empty());
}

TEST_CASE("live: no buffer, no room: the question goes on to the host", "[neighbours][live]") {
  Lan lan(live_policy(), 1);
  enliven(lan);
  rte_mbuf* taken = nullptr;
  SECTION("pool empty") {
    taken = rte_pktmbuf_alloc(lan.pool());
    REQUIRE(taken != nullptr);
  }
  SECTION("output full") {
    lan.leave_room(0);
  }
  CHECK(lan.from(kOutside, kAsk4) == "forward");
  rte_pktmbuf_free(taken);
}

TEST_CASE("live: the MAC is the one it is asked for under, not the one it sends IP from",
          "[neighbours][live]") {
  // A virtual router or a load balancer has one for its address, who answers in its name another.
  Lan lan(live_policy());
  enliven(lan);
  lan.traffic(traffic4("H8>R1"));
  CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
  CHECK(lan.take() == Lines{answer4("H9")});
}

TEST_CASE("live: seen by IP alone, a host is asked for its MAC before the box speaks for it",
          "[neighbours][live]") {
  Lan lan(live_policy());
  lan.wait(4s);
  lan.take();
  lan.traffic(traffic4("H8>R1"));
  CHECK(lan.from(kOutside, kAsk4) == "forward");
  // Left in peace at first: it may be about to claim the address.
  lan.wait(9s);
  CHECK(lan.take().empty());
  for (int s = 0; s < 20 && lan.take().empty(); ++s) lan.wait(1s);
  lan.from(kInside, arp({"192.0.2.9 is-at to 0.0.0.0", "H9>BOX", ""}));
  lan.take();
  CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
  CHECK(lan.take() == Lines{answer4("H9")});
}

TEST_CASE("live: IP traffic does not end the search for a MAC", "[neighbours][live]") {
  Lan lan(live_policy());
  lan.wait(4s);
  lan.take();
  Lines made;
  for (int s = 0; s < 600; ++s) {
    lan.traffic(traffic4("H8>R1"));
    lan.wait(100ms);
    for (const std::string& line : lan.take()) made.push_back(line);
  }
  CHECK(count(made, kProbe4) >= 3);
  CHECK(count(made, kProbe4) <= 12);
  // Nobody answers: it lives, and its requests are its own.
  CHECK(lan.neighbours().is_live(parse_address("192.0.2.9").value(), lan.now()));
  CHECK(lan.from(kOutside, kAsk4) == "forward");
}

TEST_CASE("live: IP packets in another VLAN do not move it there", "[neighbours][live]") {
  Lan lan(live_policy());
  enliven(lan);
  lan.traffic(traffic4("H9>R1", "7"));
  CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
  CHECK(lan.from(kOutside, arp({"who-has 192.0.2.9 tell 192.0.2.1", "R1>*", "7"})) == "forward");
  CHECK(lan.take() == Lines{answer4("H9")});
}

TEST_CASE("live: another MAC is learned at once and announced", "[neighbours][live]") {
  Lan lan(live_policy());
  enliven(lan);
  SECTION("by a gratuitous ARP") {
    lan.from(kInside, arp({"who-has 192.0.2.9 tell 192.0.2.9", "H8>*", ""}));
  }
  SECTION("by a request of its own") {
    lan.from(kInside, arp({"who-has 192.0.2.1 tell 192.0.2.9", "H8>R1", ""}));
  }
  SECTION("by an answer to the box, which the router does not see") {
    CHECK(lan.from(kInside, arp({"192.0.2.9 is-at to 0.0.0.0", "H8>BOX", ""})) ==
          "neighbour-probe");
  }
  CHECK(lan.take() == Lines{announced4("H8")});
  CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
  CHECK(lan.take() == Lines{answer4("H8")});
  lan.wait(10s);
  CHECK(lan.take().empty());
}

TEST_CASE("live: two hosts that quarrel over an address are announced once a second",
          "[neighbours][live]") {
  Lan lan(live_policy());
  enliven(lan);
  for (int i = 0; i < 1000; ++i) {
    lan.from(kInside, arp({"who-has 192.0.2.1 tell 192.0.2.9", i % 2 == 0 ? "H8>*" : "H9>*", ""}));
    lan.wait(10ms);
  }
  CHECK(lan.neighbours().counters().announcements <= 11);
}

TEST_CASE("live: a host that is asked for after a while is looked for, and answered for meanwhile",
          "[neighbours][live]") {
  Lan lan(live_policy());
  enliven(lan);
  lan.wait(60s);
  CHECK(lan.take().empty());  // nobody asked
  CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
  CHECK(lan.take() == Lines{answer4("H9")});
  lan.wait(50ms);
  CHECK(lan.take() == Lines{kProbe4});
  CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
  lan.take();

  SECTION("it is there") {
    lan.from(kInside, arp({"192.0.2.9 is-at to 0.0.0.0", "H9>BOX", ""}));
    lan.wait(5s);
    CHECK(lan.take().empty());
    CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
  }
  SECTION("another is") {
    lan.from(kInside, arp({"192.0.2.9 is-at to 0.0.0.0", "H8>BOX", ""}));
    CHECK(lan.take() == Lines{announced4("H8")});
    CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
    CHECK(lan.take() == Lines{answer4("H8")});
  }
  SECTION("nobody is: its requests go on, and it is dark as late as ever") {
    lan.wait(1100ms);
    CHECK(lan.from(kOutside, kAsk4) == "forward");
    lan.wait(10s);
    CHECK(lan.from(kOutside, kAsk4) == "forward");
    CHECK(lan.neighbours().is_live(parse_address("192.0.2.9").value(), lan.now()));
    lan.wait(260s);
    CHECK_FALSE(lan.neighbours().is_live(parse_address("192.0.2.9").value(), lan.now()));
    lan.take();
    CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
    CHECK(lan.take() == Lines{answer4("BOX")});
  }
}

TEST_CASE("live: who talks is not looked for, however often the router asks",
          "[neighbours][live]") {
  Lan lan(live_policy());
  enliven(lan);
  for (int s = 0; s < 120; ++s) {
    lan.traffic(traffic4("H9>R1"));
    CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
    CHECK(lan.take() == Lines{answer4("H9")});
    lan.wait(1s);
    CHECK(lan.take().empty());
  }
}

TEST_CASE("live: traffic that a listener saw spares the search, too", "[neighbours][live]") {
  Workers w(live_policy(), 2);
  enliven(w.speaker());
  for (int s = 0; s < 120; ++s) {
    w[1].traffic(traffic4("H9>R1"));
    CHECK(w.speaker().from(kOutside, kAsk4) == "neighbour-answered");
    w.wait(1s);
    CHECK(count(w.speaker().take(), kProbe4) == 0);
  }
  CHECK(w[1].from(kOutside, kAsk4) == "forward");
  CHECK(w[1].take().empty());
}

TEST_CASE("live: a silent host is not spoken for while the box looks for it",
          "[neighbours][live]") {
  Lan lan(live_policy());
  enliven(lan);
  lan.wait(300100ms);
  lan.take();
  CHECK(lan.from(kOutside, kAsk4) == "forward");
  CHECK(lan.from(kOutside, kAsk6) == "forward");
  lan.wait(3100ms);
  lan.take();
  CHECK(lan.from(kOutside, kAsk4) == "neighbour-answered");
  CHECK(lan.from(kOutside, kAsk6) == "neighbour-answered");
  CHECK(lan.take() == Lines{answer4("BOX"), answer6("BOX")});
}

TEST_CASE("live: ND: a router inside is answered for as one", "[neighbours][live]") {
  Lan lan(live_policy());
  lan.wait(100ms);
  lan.from(kInside, nd({"2001:db8::9 is-at to ff02::1 router", "H9>BOX", ""}));
  lan.take();
  CHECK(lan.from(kOutside, kAsk6) == "neighbour-answered");
  CHECK(lan.take() == Lines{answer6("H9", "RSO")});
  // A solicitation says nothing of that, an advertisement does.
  lan.from(kInside, nd({"who-has 2001:db8::1 tell 2001:db8::9", "H9>" + kGroup, ""}));
  CHECK(lan.from(kOutside, kAsk6) == "neighbour-answered");
  CHECK(lan.take() == Lines{answer6("H9", "RSO")});
  lan.from(kInside, nd({"2001:db8::9 is-at to ff02::1", "H9>ff02::1", ""}));
  CHECK(lan.from(kOutside, kAsk6) == "neighbour-answered");
  CHECK(lan.take() == Lines{answer6("H9")});
}

TEST_CASE("live: ND: a new MAC is announced as what the host is", "[neighbours][live]") {
  Lan lan(live_policy());
  enliven(lan);
  lan.from(kInside, nd({"2001:db8::9 is-at to ff02::1 router", "H8>BOX", ""}));
  CHECK(lan.take() == Lines{"outside: NA 2001:db8::9 2001:db8::9>ff02::1 RO 2=H8 | H8>all-nodes"});
  CHECK(lan.from(kOutside, kAsk6) == "neighbour-answered");
  CHECK(lan.take() == Lines{answer6("H8", "RSO")});
}

TEST_CASE("live: ND: a host known by its solicitation is asked what it is, once it has settled",
          "[neighbours][live]") {
  Lan lan(live_policy());
  lan.wait(4s);
  lan.take();
  lan.from(kInside, nd({"who-has 2001:db8::1 tell 2001:db8::9", "H9>" + kGroup, ""}));
  // Asked with the unspecified address, an optimistic one (RFC 4429) would be given up.
  lan.traffic(udp({"2001:db8::9 to 2001:db8:f::1", "H9>R1", ""}));
  lan.wait(9s);
  CHECK(count(lan.take(), kProbe6) == 0);
  lan.wait(12s);
  CHECK(count(lan.take(), kProbe6) >= 1);
}

TEST_CASE("live: ND: who advertises for another is not taken for it", "[neighbours][live]") {
  Policy policy = live_policy();
  policy.neighbours.answer_dark.push_back(parse_prefix("2001:db8::5").value());
  Lan lan(policy);
  enliven(lan);
  lan.from(kInside, nd({"2001:db8::5 is-at to ff02::1", "H5>ff02::1", ""}));
  lan.from(kInside, nd({"2001:db8::5 is-at to ff02::1 2001:db8::9", "H9>ff02::1", ""}));
  lan.take();
  CHECK(lan.from(kOutside, nd({"who-has 2001:db8::5 tell fe80::1", "R1>ff02::1:ff00:5", ""})) ==
        "neighbour-answered");
  CHECK(lan.take() == Lines{"outside: NA 2001:db8::5 2001:db8::5>fe80::1 SO 2=H5 | H5>R1"});
}
