// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>
#include <set>

#include "lan.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;
constexpr Side kOutside = Side::outside;
constexpr Side kInside = Side::inside;

const Bytes kAsk9 = arp({"who-has 192.0.2.9 tell 192.0.2.1", "R1>*", ""});
const std::string kProbe9 = "inside: who-has 192.0.2.9 tell 0.0.0.0 BOX | BOX>*";

/// .9 is listed and everybody was probed in vain.
void darken(Lan& lan) {
  lan.wait(4s);
  lan.take();
}

}  // namespace

TEST_CASE("ARP: an address is dark after three unanswered probes, and only then answered",
          "[neighbours]") {
  Lan lan(policy_with({"192.0.2.9"}));
  CHECK(lan.from(kOutside, kAsk9) == "forward");  // known to nobody: probed at once
  CHECK(lan.take() == Lines{kProbe9});
  lan.wait(2990ms);
  CHECK(lan.from(kOutside, kAsk9) == "forward");
  CHECK(lan.take() == Lines{kProbe9, kProbe9});
  lan.wait(100ms);
  CHECK(lan.from(kOutside, kAsk9) == "neighbour-answered");
  CHECK(lan.take() == Lines{"outside: 192.0.2.9 is-at BOX to 192.0.2.1 R1 | BOX>R1"});
  CHECK(lan.neighbours().counters().answers == 1);
  CHECK(lan.neighbours().counters().probes == 3);
}

TEST_CASE("ARP: what is answered for a dark address, and what goes on", "[neighbours]") {
  struct Row {
    const char* description;
    Line line;
    const char* verdict;
    Lines made;
  };
  const std::vector<Row> rows{
      {"gateway",
       {"who-has 192.0.2.9 tell 192.0.2.1", "R1>*", ""},
       "neighbour-answered",
       {"outside: 192.0.2.9 is-at BOX to 192.0.2.1 R1 | BOX>R1"}},
      {"second router, learned from this very request",
       {"who-has 192.0.2.9 tell 192.0.2.2", "R2>*", ""},
       "neighbour-answered",
       {"outside: 192.0.2.9 is-at BOX to 192.0.2.2 R2 | BOX>R2"}},
      {"unicast, as a router makes sure",
       {"who-has 192.0.2.9 tell 192.0.2.1", "R1>BOX", ""},
       "neighbour-answered",
       {"outside: 192.0.2.9 is-at BOX to 192.0.2.1 R1 | BOX>R1"}},
      {"duplicate-address probe", {"who-has 192.0.2.9 tell 0.0.0.0", "R1>*", ""}, "forward", {}},
      {"sender outside the protected prefixes",
       {"who-has 192.0.2.9 tell 198.51.100.1", "R1>*", ""},
       "forward",
       {}},
      {"not listed", {"who-has 192.0.2.8 tell 192.0.2.1", "R1>*", ""}, "forward", {}},
      {"the gateway itself", {"who-has 192.0.2.1 tell 192.0.2.2", "R2>*", ""}, "forward", {}},
      {"group MAC as sender", {"who-has 192.0.2.9 tell 192.0.2.1", "*>*", ""}, "forward", {}},
      {"a reply", {"192.0.2.1 is-at to 192.0.2.9", "R1>BOX", ""}, "forward", {}},
      {"the box's own frame, back by a loop",
       {"who-has 192.0.2.9 tell 0.0.0.0", "BOX>*", ""},
       "neighbour-probe",
       {}},
  };
  Lan lan(policy_with({"192.0.2.9"}));
  darken(lan);
  for (const Row& r : rows) {
    INFO(r.description);
    CHECK(lan.from(kOutside, arp(r.line)) == r.verdict);
    CHECK(lan.take() == r.made);
  }
  CHECK(lan.from(kInside, arp({"who-has 192.0.2.9 tell 192.0.2.5", "H5>*", ""})) == "forward");
  CHECK(lan.take().empty());
}

TEST_CASE("ARP: an announcement from outside ends answering for that address", "[neighbours]") {
  Lan lan(policy_with({"192.0.2.8/30"}));
  darken(lan);
  CHECK(lan.from(kOutside, arp({"who-has 192.0.2.9 tell 192.0.2.9", "R3>*", ""})) == "forward");
  CHECK(lan.from(kOutside, kAsk9) == "forward");
  CHECK(lan.take().empty());
  CHECK(lan.neighbours().is_gateway(parse_address("192.0.2.9").value()));

  SECTION("nor is it probed, or believed to be inside soon") {
    lan.traffic(udp({"192.0.2.9 to 198.51.100.1", "H9>R1", ""}));
    lan.from(kInside, arp({"who-has 192.0.2.1 tell 192.0.2.9", "H9>*", ""}));
    CHECK_FALSE(lan.neighbours().is_live(parse_address("192.0.2.9").value(), lan.now()));
    lan.wait(10s);
    CHECK(lan.take().empty());
  }
  SECTION("but it may move inside after a long silence outside") {
    lan.skip(301s);
    lan.traffic(udp({"192.0.2.9 to 198.51.100.1", "H9>R1", ""}));
    CHECK_FALSE(lan.neighbours().is_live(parse_address("192.0.2.9").value(), lan.now()));
    lan.from(kInside, arp({"who-has 192.0.2.1 tell 192.0.2.9", "H9>*", ""}));
    CHECK(lan.neighbours().is_live(parse_address("192.0.2.9").value(), lan.now()));
    CHECK_FALSE(lan.neighbours().is_gateway(parse_address("192.0.2.9").value()));
  }
}

TEST_CASE("ARP: DHCP ranges, gateways and addresses of no host are never probed or answered",
          "[neighbours]") {
  Policy policy = policy_with({"192.0.2.0/24"});
  policy.neighbours.dhcp_ranges.push_back(
      {parse_address("192.0.2.200").value(), parse_address("192.0.2.220").value()});
  Lan lan(policy);
  lan.wait(10s);
  const Lines probes = lan.take();
  CHECK(std::set<std::string>(probes.begin(), probes.end()).size() == 256 - 21 - 1 - 2);
  for (const char* t : {"200", "210", "220", "0", "255", "1"})
    CHECK(lan.from(kOutside, arp({std::string("who-has 192.0.2.") + t + " tell 192.0.2.2", "R2>*",
                                  ""})) == "forward");
  CHECK(lan.take().empty());
  for (const char* t : {"199", "221", "254"})
    CHECK(lan.from(kOutside, arp({std::string("who-has 192.0.2.") + t + " tell 192.0.2.1", "R1>*",
                                  ""})) == "neighbour-answered");
}

TEST_CASE("ARP: a host answers the box's probe", "[neighbours]") {
  Lan lan(asking_hosts({"192.0.2.9"}));
  lan.wait(100ms);
  CHECK(lan.take() == Lines{kProbe9});
  // The router must not see the answer to a question it did not ask.
  CHECK(lan.from(kInside, arp({"192.0.2.9 is-at to 0.0.0.0", "H9>BOX", ""})) == "neighbour-probe");
  lan.wait(10s);
  CHECK(lan.take().empty());
  CHECK(lan.from(kOutside, kAsk9) == "forward");
  CHECK(lan.neighbours().is_live(parse_address("192.0.2.9").value(), lan.now()));
  // Answers to others go on.
  CHECK(lan.from(kInside, arp({"192.0.2.9 is-at to 192.0.2.1", "H9>R1", ""})) == "forward");
  CHECK(lan.from(kInside, arp({"192.0.2.9 is-at to 0.0.0.0", "H9>R1", ""})) == "forward");
}

TEST_CASE("ARP: a host appears at an address that the router has with the box's MAC",
          "[neighbours]") {
  Lan lan(asking_hosts({"192.0.2.9"}));
  darken(lan);
  const Bytes frame = udp({"198.51.100.7 to 192.0.2.9", "R1>BOX", ""});
  CHECK(lan.corrected(frame).empty());
  const Lines announced{"outside: who-has 192.0.2.9 tell 192.0.2.9 H9 | H9>*"};

  SECTION("seen by ARP") {
    lan.from(kOutside, kAsk9);
    lan.take();
    CHECK(lan.from(kInside, arp({"who-has 192.0.2.1 tell 192.0.2.9", "H9>*", ""})) == "forward");
    CHECK(lan.take() == announced);
  }
  SECTION("seen by an IP packet") {
    lan.from(kOutside, kAsk9);
    lan.take();
    lan.traffic(udp({"192.0.2.9 to 198.51.100.7", "H9>R1", ""}));
    CHECK(lan.take() == announced);
  }
  SECTION("no room in that call: announced at the next tick") {
    lan.from(kOutside, kAsk9);
    lan.take();
    lan.leave_room(0);
    lan.traffic(udp({"192.0.2.9 to 198.51.100.7", "H9>R1", ""}));
    lan.leave_room(Neighbours::kMaxFrames);
    CHECK(lan.take().empty());
    lan.wait(50ms);
    CHECK(lan.take() == announced);
  }
  SECTION("the box started anew and cannot know: announced once it sees it") {
    lan.traffic(udp({"192.0.2.9 to 198.51.100.7", "H9>R1", ""}));
    CHECK(lan.take().empty());
    CHECK(lan.corrected(frame) == "ip | R1>H9");
    lan.wait(50ms);
    CHECK(lan.take() == announced);
  }
  // Once, whatever the router makes of it.
  lan.traffic(udp({"192.0.2.9 to 198.51.100.7", "H9>R1", ""}));
  CHECK(lan.corrected(frame) == "ip | R1>H9");
  lan.wait(2s);
  lan.traffic(udp({"192.0.2.9 to 198.51.100.7", "H9>R1", ""}));
  CHECK(lan.take().empty());
  CHECK(lan.neighbours().counters().announcements == 1);
  // Other frames keep their destination.
  CHECK(lan.corrected(udp({"198.51.100.7 to 192.0.2.9", "R1>H9", ""})) == "ip | R1>H9");
  // The router's unicast question goes to who can answer it.
  CHECK(lan.from(kOutside, arp({"who-has 192.0.2.9 tell 192.0.2.1", "R1>BOX", ""})) == "forward");
  CHECK(lan.last() == "H9");
}

TEST_CASE("ARP: a live host is answered for with its own MAC", "[neighbours]") {
  Lan lan(policy_with({"192.0.2.9"}));
  lan.wait(100ms);
  lan.take();
  CHECK(lan.from(kInside, arp({"192.0.2.9 is-at to 0.0.0.0", "H9>BOX", ""})) == "neighbour-probe");
  lan.wait(1s);
  CHECK(lan.take().empty());
  CHECK(lan.from(kOutside, kAsk9) == "neighbour-answered");
  CHECK(lan.take() == Lines{"outside: 192.0.2.9 is-at H9 to 192.0.2.1 R1 | H9>R1"});
  // The router makes sure of it.
  CHECK(lan.from(kOutside, arp({"who-has 192.0.2.9 tell 192.0.2.1", "R1>H9", ""})) ==
        "neighbour-answered");
  lan.take();
  // Who looks for a free address is the host's to answer, and nobody asks in another VLAN.
  CHECK(lan.from(kOutside, arp({"who-has 192.0.2.9 tell 0.0.0.0", "R1>*", ""})) == "forward");
  CHECK(lan.from(kOutside, arp({"who-has 192.0.2.9 tell 192.0.2.1", "R1>*", "7"})) == "forward");
  CHECK(lan.take().empty());
  // It moves to another MAC.
  lan.from(kInside, arp({"who-has 192.0.2.9 tell 192.0.2.9", "H8>*", ""}));
  lan.take();
  CHECK(lan.from(kOutside, kAsk9) == "neighbour-answered");
  CHECK(lan.take() == Lines{"outside: 192.0.2.9 is-at H8 to 192.0.2.1 R1 | H8>R1"});
}

TEST_CASE("ARP: a host that was never dark is not announced", "[neighbours]") {
  Lan lan(policy_with({"192.0.2.9"}));
  lan.traffic(udp({"192.0.2.9 to 198.51.100.7", "H9>R1", ""}));
  lan.wait(1s);
  CHECK(lan.take().empty());
}

TEST_CASE("ARP: a silent host is probed under its MAC, then dark", "[neighbours]") {
  Lan lan(asking_hosts({"192.0.2.9"}));
  lan.from(kInside, arp({"192.0.2.9 is-at to 192.0.2.1", "H9>R1", ""}));
  lan.wait(299900ms);
  CHECK(lan.take().empty());
  lan.wait(200ms);
  const std::string direct = "inside: who-has 192.0.2.9 tell 0.0.0.0 BOX | BOX>H9";
  CHECK(lan.take() == Lines{direct});

  SECTION("it answers") {
    lan.from(kInside, arp({"192.0.2.9 is-at to 0.0.0.0", "H9>BOX", ""}));
    lan.wait(10s);
    CHECK(lan.take().empty());
    CHECK(lan.from(kOutside, kAsk9) == "forward");
  }
  SECTION("it sends an IP packet") {
    lan.traffic(udp({"192.0.2.9 to 198.51.100.7", "H9>R1", ""}));
    lan.wait(10s);
    CHECK(lan.take().empty());
  }
  SECTION("it is gone") {
    lan.wait(2800ms);
    CHECK(lan.take() == Lines{direct, kProbe9});
    CHECK(lan.from(kOutside, kAsk9) == "forward");
    lan.wait(300ms);
    CHECK_FALSE(lan.neighbours().is_live(parse_address("192.0.2.9").value(), lan.now()));
    CHECK(lan.from(kOutside, kAsk9) == "neighbour-answered");
    lan.take();
    // And it comes back.
    lan.traffic(udp({"192.0.2.9 to 198.51.100.7", "H9>R1", ""}));
    CHECK(lan.take() == Lines{"outside: who-has 192.0.2.9 tell 192.0.2.9 H9 | H9>*"});
    CHECK(lan.from(kOutside, kAsk9) == "forward");
  }
}

TEST_CASE("ARP: a host inside that claims an address is left in peace, then probed",
          "[neighbours]") {
  Lan lan(policy_with({"192.0.2.9"}));
  const Bytes claim = arp({"who-has 192.0.2.9 tell 0.0.0.0", "H9>*", ""});
  const bool dark = GENERATE(true, false);
  if (dark) darken(lan);
  CHECK(lan.from(kInside, claim) == "forward");
  CHECK_FALSE(lan.neighbours().is_live(parse_address("192.0.2.9").value(), lan.now()));
  // A probe of the box's would make it give up the address.
  CHECK(lan.from(kOutside, kAsk9) == "forward");
  lan.wait(9s);
  CHECK(lan.from(kOutside, kAsk9) == "forward");
  CHECK(lan.take().empty());
  lan.wait(1100ms);
  CHECK(lan.take() == Lines{kProbe9});
  lan.wait(3s);
  CHECK(lan.from(kOutside, kAsk9) == "neighbour-answered");
}

TEST_CASE("ARP: a live host is not shaken by who claims its address", "[neighbours]") {
  Lan lan(policy_with({"192.0.2.9"}));
  lan.from(kInside, arp({"192.0.2.9 is-at to 192.0.2.1", "H9>R1", ""}));
  lan.from(kInside, arp({"who-has 192.0.2.9 tell 0.0.0.0", "H8>*", ""}));
  CHECK(lan.neighbours().is_live(parse_address("192.0.2.9").value(), lan.now()));
}

TEST_CASE("ARP: VLAN tags are those of the question, and each VLAN is probed itself",
          "[neighbours]") {
  const std::string vlan = GENERATE("10", "10.20");
  Lan lan(policy_with({"192.0.2.9"}));
  const Bytes ask = arp({"who-has 192.0.2.9 tell 192.0.2.1", "R1>*", vlan});
  darken(lan);  // but only among the untagged
  CHECK(lan.from(kOutside, ask) == "forward");
  CHECK(lan.take() == Lines{kProbe9 + " | " + vlan});
  lan.wait(3100ms);
  CHECK(lan.take() == Lines{kProbe9 + " | " + vlan, kProbe9 + " | " + vlan});
  CHECK(lan.from(kOutside, ask) == "neighbour-answered");
  CHECK(lan.take() == Lines{"outside: 192.0.2.9 is-at BOX to 192.0.2.1 R1 | BOX>R1 | " + vlan});
  lan.traffic(udp({"192.0.2.9 to 198.51.100.7", "H9>R1", vlan}));
  CHECK(lan.take() == Lines{"outside: who-has 192.0.2.9 tell 192.0.2.9 H9 | H9>* | " + vlan});
}

TEST_CASE("ARP: cut short is dropped, foreign goes on untouched", "[neighbours]") {
  Lan lan(policy_with({"192.0.2.9"}));
  darken(lan);
  const Side side = GENERATE(Side::outside, Side::inside);
  const std::string vlan = GENERATE("", "10.20");
  const Bytes whole = arp({"who-has 192.0.2.9 tell 192.0.2.1", "R1>*", vlan});
  const std::size_t l3 = whole.size() - sizeof(ArpPacket);
  for (std::size_t n = l3; n < whole.size(); ++n)
    CHECK(lan.from(side, Bytes(whole.begin(), whole.begin() + static_cast<long>(n))) ==
          "neighbour-invalid");

  struct Row {
    const char* description;
    std::size_t at;
    std::uint8_t value;
    std::size_t grow;
    const char* verdict;
  };
  const std::vector<Row> rows{
      {"hardware type", 1, 6, 0, "forward"},
      {"protocol type", 3, 1, 0, "forward"},
      {"long hardware address", 4, 8, 4, "forward"},
      {"long hardware address that is not there", 4, 8, 0, "neighbour-invalid"},
      {"huge lengths", 4, 255, 0, "neighbour-invalid"},
      {"short addresses", 4, 1, 0, "forward"},
      {"no protocol address", 5, 0, 0, "forward"},
      {"protocol length 16", 5, 16, 24, "forward"},
      {"operation 3", 7, 3, 0, "forward"},
      {"operation 0", 7, 0, 0, "forward"},
  };
  for (const Row& r : rows) {
    INFO(r.description);
    Bytes odd = whole;
    odd[l3 + r.at] = r.value;
    odd.resize(odd.size() + r.grow);
    CHECK(lan.from(side, odd) == r.verdict);
  }
  CHECK(lan.take().empty());
  CHECK(lan.neighbours().counters().answers == 0);
}

TEST_CASE("ARP: no buffer and no room: the question goes on, and is answered later",
          "[neighbours]") {
  Lan lan(policy_with({"192.0.2.9"}), 1);
  darken(lan);
  rte_mbuf* taken = nullptr;
  SECTION("pool empty") {
    taken = rte_pktmbuf_alloc(lan.pool());
    REQUIRE(taken != nullptr);
  }
  SECTION("output full") {
    lan.leave_room(0);
  }
  CHECK(lan.from(kOutside, kAsk9) == "forward");
  CHECK(lan.neighbours().counters().answers == 0);
  lan.wait(61s);
  rte_pktmbuf_free(taken);
  lan.leave_room(Neighbours::kMaxFrames);
  CHECK(lan.from(kOutside, kAsk9) == "neighbour-answered");
}

TEST_CASE("ARP: probes that found no buffer are not taken for unanswered", "[neighbours]") {
  Lan lan(policy_with({"192.0.2.9"}), 1);
  rte_mbuf* taken = rte_pktmbuf_alloc(lan.pool());
  REQUIRE(taken != nullptr);
  lan.wait(10s);
  CHECK(lan.from(kOutside, kAsk9) == "forward");
  CHECK(lan.neighbours().counters().probes == 0);
  rte_pktmbuf_free(taken);
  lan.wait(2900ms);
  CHECK(lan.from(kOutside, kAsk9) == "forward");
  lan.wait(200ms);
  CHECK(lan.from(kOutside, kAsk9) == "neighbour-answered");
}

TEST_CASE("ARP: a dark address that is asked for is probed now and then", "[neighbours]") {
  Lan lan(policy_with({"192.0.2.9"}));
  darken(lan);
  lan.wait(200s);
  CHECK(lan.take().empty());  // nobody asked
  SECTION("by the router") {
    lan.from(kOutside, kAsk9);
    lan.take();
  }
  SECTION("by a packet that found nobody") {
    CHECK(lan.corrected(udp({"198.51.100.7 to 192.0.2.9", "R1>BOX", ""})).empty());
  }
  lan.wait(59s);
  CHECK(lan.take() == Lines{kProbe9});
  CHECK(lan.from(kOutside, kAsk9) == "neighbour-answered");
  lan.take();
  lan.from(kInside, arp({"192.0.2.9 is-at to 0.0.0.0", "H9>BOX", ""}));
  CHECK(lan.take() == Lines{"outside: who-has 192.0.2.9 tell 192.0.2.9 H9 | H9>*"});
}
