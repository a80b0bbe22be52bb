// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>

#include "lan.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;
constexpr Side kOutside = Side::outside;
constexpr Side kInside = Side::inside;

Address at(const std::string& text) {
  return parse_address(text).value();
}

const std::string kGroup = "ff02::1:ff00:9";
const Bytes kAsk9 = nd({"who-has 2001:db8::9 tell 2001:db8::1", "R1>" + kGroup, ""});
const std::string kProbe9 = "inside: NS 2001:db8::9 ::>ff02::1:ff00:9 | BOX>solicited";
const std::string kAnnounced = "outside: NA 2001:db8::9 2001:db8::9>ff02::1 O 2=H9 | H9>all-nodes";

void darken(Lan& lan) {
  lan.wait(4s);
  lan.take();
}

/// Changes a byte and, if asked for, makes the checksum right again.
Bytes changed(Bytes frame, std::size_t where, std::uint8_t value) {
  const std::uint8_t before = frame[where];
  frame[where] = value;
  // ones-complement: the difference moves from the byte to the checksum (same parity: 56, 57)
  std::uint8_t* sum = &frame[14 + 40 + 2];
  std::uint32_t s = static_cast<std::uint16_t>(~((sum[0] << 8) | sum[1]));
  const bool high = where % 2 == 0;
  s += static_cast<std::uint16_t>(~(high ? before << 8 : before));
  s += static_cast<std::uint32_t>(high ? value << 8 : value);
  while ((s >> 16U) != 0) s = (s & 0xffffU) + (s >> 16U);
  sum[0] = static_cast<std::uint8_t>(~s >> 8U);
  sum[1] = static_cast<std::uint8_t>(~s);
  return frame;
}

}  // namespace

TEST_CASE("ND: a listed address is probed three times, then answered", "[neighbours]") {
  const std::string vlan = GENERATE("", "10", "10.20");
  const std::string tail = vlan.empty() ? "" : " | " + vlan;
  Lan lan(policy_with({"2001:db8::9"}));
  const Bytes ask = nd({"who-has 2001:db8::9 tell 2001:db8::1", "R1>" + kGroup, vlan});
  CHECK(lan.from(kOutside, ask) == "forward");
  lan.wait(2900ms);
  CHECK(lan.from(kOutside, ask) == "forward");
  CHECK(lan.take() == Lines(3, kProbe9 + tail));
  lan.wait(200ms);
  CHECK(lan.from(kOutside, ask) == "neighbour-answered");
  CHECK(lan.take() ==
        Lines{"outside: NA 2001:db8::9 2001:db8::9>2001:db8::1 SO 2=BOX | BOX>R1" + tail});
}

TEST_CASE("ND: what is answered for a dark address, and what goes on", "[neighbours]") {
  struct Row {
    const char* description;
    Line line;
    const char* verdict;
    Lines made;
  };
  const std::vector<Row> rows{
      {"second router",
       {"who-has 2001:db8::9 tell 2001:db8::2", "R2>" + kGroup, ""},
       "neighbour-answered",
       {"outside: NA 2001:db8::9 2001:db8::9>2001:db8::2 SO 2=BOX | BOX>R2"}},
      {"link-local",
       {"who-has 2001:db8::9 tell fe80::1", "R3>" + kGroup, ""},
       "neighbour-answered",
       {"outside: NA 2001:db8::9 2001:db8::9>fe80::1 SO 2=BOX | BOX>R3"}},
      {"unicast",
       {"who-has 2001:db8::9 tell fe80::1", "R3>BOX", ""},
       "neighbour-answered",
       {"outside: NA 2001:db8::9 2001:db8::9>fe80::1 SO 2=BOX | BOX>R3"}},
      {"duplicate-address detection",
       {"who-has 2001:db8::9 tell ::", "R1>" + kGroup, ""},
       "forward",
       {}},
      {"foreign source",
       {"who-has 2001:db8::9 tell 2001:db8:f::1", "R1>" + kGroup, ""},
       "forward",
       {}},
      {"not listed", {"who-has 2001:db8::8 tell 2001:db8::1", "R1>" + kGroup, ""}, "forward", {}},
      {"group MAC", {"who-has 2001:db8::9 tell 2001:db8::1", "*>" + kGroup, ""}, "forward", {}},
      {"advertisement of somebody else",
       {"2001:db8::1 is-at to ff02::1", "R1>ff02::1", ""},
       "forward",
       {}},
  };
  Lan lan(policy_with({"2001:db8::9"}));
  darken(lan);
  for (const Row& r : rows) {
    INFO(r.description);
    CHECK(lan.from(kOutside, nd(r.line)) == r.verdict);
    CHECK(lan.take() == r.made);
  }
  CHECK(lan.neighbours().is_gateway(at("2001:db8::2")));
  CHECK(lan.neighbours().is_gateway_mac(mac("R3")));
  CHECK_FALSE(lan.neighbours().is_gateway(at("fe80::1")));
  SECTION("an advertisement from outside ends it") {
    const auto* claim =
        GENERATE("2001:db8::9 is-at to ff02::1", "fe80::5 is-at to ff02::1 2001:db8::9");
    CHECK(lan.from(kOutside, nd({claim, "R5>ff02::1", ""})) == "forward");
    CHECK(lan.from(kOutside, kAsk9) == "forward");
    lan.wait(10s);
    CHECK(lan.take().empty());
  }
}

TEST_CASE("ND: off-link, malformed and mapped messages do nothing", "[neighbours]") {
  Lan lan(policy_with({"2001:db8::9", "192.0.2.9"}));
  darken(lan);
  constexpr std::size_t kIp = 14;
  constexpr std::size_t kIcmp = kIp + 40;
  SECTION("hop limit") {
    Bytes routed = kAsk9;
    routed[kIp + 7] = 254;
    CHECK(lan.from(kOutside, routed) == "forward");
  }
  SECTION("code") {
    CHECK(lan.from(kOutside, changed(kAsk9, kIcmp + 1, 1)) == "forward");
  }
  SECTION("checksum") {
    Bytes wrong = kAsk9;
    wrong[kIcmp + 2] ^= 1;
    CHECK(lan.from(kOutside, wrong) == "forward");
  }
  SECTION("option of length 0") {
    CHECK(lan.from(kOutside, changed(kAsk9, kIcmp + 25, 0)) == "neighbour-invalid");
  }
  SECTION("option beyond the end") {
    CHECK(lan.from(kOutside, changed(kAsk9, kIcmp + 25, 2)) == "neighbour-invalid");
    CHECK(lan.from(kOutside, changed(kAsk9, kIcmp + 25, 255)) == "neighbour-invalid");
  }
  SECTION("cut short") {
    for (std::size_t n = kIcmp + 4; n < kAsk9.size(); ++n) {
      if (n == kIcmp + 24) continue;  // whole, without options; its checksum is wrong
      CHECK(lan.from(kOutside, Bytes(kAsk9.begin(), kAsk9.begin() + static_cast<long>(n))) ==
            "neighbour-invalid");
    }
  }
  SECTION("an IPv4-mapped target is not the IPv4 address") {
    // parse_address refuses the text, so the bytes are written over.
    Bytes mapped = kAsk9;
    const Address target = at("192.0.2.9");
    std::copy(target.bytes.begin(), target.bytes.end(), mapped.begin() + kIcmp + 8);
    CHECK(lan.from(kOutside, mapped) == "neighbour-invalid");
  }
  CHECK(lan.take().empty());
  CHECK(lan.from(kOutside, kAsk9) == "neighbour-answered");
  lan.take();
}

TEST_CASE("ND: a host appears and is announced once", "[neighbours]") {
  Lan lan(asking_hosts({"2001:db8::9"}));
  darken(lan);
  lan.from(kOutside, kAsk9);
  lan.take();
  SECTION("by its own solicitation") {
    CHECK(lan.from(kInside, nd({"who-has 2001:db8::1 tell 2001:db8::9", "H9>" + kGroup, ""})) ==
          "forward");
  }
  SECTION("by an advertisement to all nodes, as after a probe") {
    CHECK(lan.from(kInside, nd({"2001:db8::9 is-at to ff02::1", "H9>ff02::1", ""})) == "forward");
  }
  SECTION("by an advertisement from its link-local address") {
    CHECK(lan.from(kInside, nd({"fe80::9 is-at to ff02::1 2001:db8::9", "H9>ff02::1", ""})) ==
          "forward");
  }
  SECTION("by an advertisement to the box") {
    CHECK(lan.from(kInside, nd({"2001:db8::9 is-at to ff02::1", "H9>BOX", ""})) ==
          "neighbour-probe");
  }
  SECTION("by an IP packet") {
    lan.traffic(udp({"2001:db8::9 to 2001:db8:f::1", "H9>R1", ""}));
  }
  CHECK(lan.take() == Lines{kAnnounced});
  CHECK(lan.neighbours().is_live(at("2001:db8::9"), lan.now()));
  CHECK(lan.corrected(udp({"2001:db8:f::1 to 2001:db8::9", "R1>BOX", ""})) == "ip | R1>H9");
  CHECK(lan.from(kOutside, nd({"who-has 2001:db8::9 tell fe80::1", "R1>BOX", ""})) == "forward");
  CHECK(lan.last() == "H9");
  lan.wait(10s);
  CHECK(lan.take().empty());
  // And disappears.
  lan.wait(294s);
  CHECK(lan.take() == Lines(3, kProbe9));
  CHECK(lan.from(kOutside, kAsk9) == "neighbour-answered");
}

TEST_CASE("ND: duplicate-address detection inside is left in peace", "[neighbours]") {
  Lan lan(policy_with({"2001:db8::9"}));
  darken(lan);
  CHECK(lan.from(kInside, nd({"who-has 2001:db8::9 tell ::", "H9>" + kGroup, ""})) == "forward");
  CHECK_FALSE(lan.neighbours().is_live(at("2001:db8::9"), lan.now()));
  CHECK(lan.from(kOutside, kAsk9) == "forward");
  lan.wait(9s);
  CHECK(lan.take().empty());
  lan.wait(1100ms);
  CHECK(lan.take() == Lines{kProbe9});
}
