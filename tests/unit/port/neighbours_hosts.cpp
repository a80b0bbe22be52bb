// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>
#include <map>

#include "lan.hpp"
#include "port/gateways.hpp"
#include "port/host_table.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

Address at(const std::string& text) {
  return parse_address(text).value();
}

Address numbered(std::uint32_t n) {
  return Address(be32(0x0a000000U + n));
}

}  // namespace

TEST_CASE("neighbours: probing is paced, three rounds of 1024 addresses", "[neighbours]") {
  Policy policy;
  policy.protected_prefixes = {parse_prefix("10.0.0.0/8").value()};
  policy.neighbours.answer_dark = {parse_prefix("10.1.0.0/22").value()};
  const auto step = GENERATE(1ms, 10ms, 30ms);
  Lan lan(policy);
  lan.wait(20s, step);
  std::map<std::string, std::vector<std::chrono::milliseconds>> by_address;
  std::map<std::chrono::seconds, int> by_second;
  for (const Sent& s : lan.take_timed()) {
    CHECK(s.to == Side::inside);
    by_address[s.line].push_back(s.at);
    ++by_second[std::chrono::duration_cast<std::chrono::seconds>(s.at)];
  }
  CHECK(by_address.size() == 1024);
  for (const auto& [line, times] : by_address) {
    INFO(line);
    REQUIRE(times.size() == 3);
    CHECK(times[1] - times[0] >= 1s);
    CHECK(times[2] - times[1] >= 1s);
    CHECK(times[2] - times[0] <= 2500ms);
  }
  for (const auto& [second, count] : by_second) CHECK(count <= 330);
  CHECK(lan.neighbours().counters().probes == 3 * 1024);
}

TEST_CASE("neighbours: more than 1024 listed addresses are refused", "[neighbours]") {
  Policy policy;
  policy.protected_prefixes = {parse_prefix("10.0.0.0/8").value()};
  policy.neighbours.answer_dark = {parse_prefix("10.1.0.0/21").value()};
  CHECK_THROWS_AS(list_addresses(policy), std::invalid_argument);
  policy.neighbours.answer_dark = {parse_prefix("10.1.0.0/22").value(),
                                   parse_prefix("10.2.0.0/32").value()};
  CHECK_THROWS_AS(list_addresses(policy), std::invalid_argument);
  policy.neighbours.answer_dark = {parse_prefix("10.1.0.0/22").value(),
                                   parse_prefix("10.1.1.0/24").value()};
  CHECK(list_addresses(policy).size() == 1024);
}

TEST_CASE("neighbours: hosts at addresses that are not listed are remembered", "[neighbours]") {
  Lan lan(policy_with({}));
  Neighbours& n = lan.neighbours();
  lan.traffic(udp({"192.0.2.77 to 198.51.100.7", "H7>R1", ""}));
  lan.traffic(udp({"2001:db8::77 to 2001:db8:f::1", "H7>R1", ""}));
  lan.traffic(udp({"203.0.113.5 to 198.51.100.7", "H7>R1", ""}));
  lan.traffic(udp({"192.0.2.1 to 198.51.100.7", "H7>R1", ""}));
  lan.traffic(udp({"192.0.2.78 to 198.51.100.7", "BOX>R1", ""}));
  CHECK(n.is_live(at("192.0.2.77"), lan.now()));
  CHECK(n.is_live(at("2001:db8::77"), lan.now()));
  CHECK_FALSE(n.is_live(at("203.0.113.5"), lan.now()));  // not protected
  CHECK_FALSE(n.is_live(at("192.0.2.1"), lan.now()));    // a gateway
  CHECK_FALSE(n.is_live(at("192.0.2.78"), lan.now()));   // the box's own MAC
  CHECK_FALSE(n.is_live(at("192.0.2.79"), lan.now()));
  lan.wait(299s);
  CHECK(n.is_live(at("192.0.2.77"), lan.now()));
  lan.traffic(udp({"192.0.2.77 to 198.51.100.7", "H7>R1", ""}));
  lan.wait(2s);
  CHECK(n.is_live(at("192.0.2.77"), lan.now()));
  CHECK_FALSE(n.is_live(at("2001:db8::77"), lan.now()));
  CHECK(lan.take().empty());
  // The list may have been longer before the last change of policy.
  CHECK(lan.corrected(udp({"198.51.100.7 to 192.0.2.77", "R1>BOX", ""})) == "ip | R1>H7");
  CHECK(lan.corrected(udp({"198.51.100.7 to 192.0.2.79", "R1>BOX", ""})).empty());
}

TEST_CASE("neighbours: gateways are learned from ARP outside, at most 64", "[neighbours]") {
  Policy policy = policy_with({"192.0.2.254"});
  Lan lan(policy);
  Neighbours& n = lan.neighbours();
  CHECK(n.is_gateway(at("192.0.2.1")));
  CHECK_FALSE(n.is_gateway(at("192.0.2.2")));
  CHECK_FALSE(n.is_gateway_mac(mac("R1")));
  lan.wait(4s);
  for (int i = 2; i < 100; ++i)
    lan.from(Side::outside,
             arp({"who-has 192.0.2.200 tell 192.0.2." + std::to_string(i), "R2>*", ""}));
  lan.from(Side::outside, arp({"who-has 192.0.2.200 tell 198.51.100.1", "R3>*", ""}));
  lan.take();
  CHECK(n.is_gateway(at("192.0.2.2")));
  CHECK(n.is_gateway(at("192.0.2.65")));
  CHECK_FALSE(n.is_gateway(at("192.0.2.66")));
  CHECK_FALSE(n.is_gateway(at("198.51.100.1")));
  CHECK(n.is_gateway_mac(mac("R2")));
  CHECK_FALSE(n.is_gateway_mac(mac("R3")));
  // Too many to be gateways, so not answered; those of the policy always are.
  CHECK(lan.from(Side::outside, arp({"who-has 192.0.2.254 tell 192.0.2.66", "R2>*", ""})) ==
        "forward");
  CHECK(lan.from(Side::outside, arp({"who-has 192.0.2.254 tell 192.0.2.1", "R1>*", ""})) ==
        "neighbour-answered");
  CHECK(n.is_gateway_mac(mac("R1")));
}

TEST_CASE("neighbours: a host's frame that comes back outside makes no gateway", "[neighbours]") {
  Lan lan(policy_with({"192.0.2.9"}));
  const Bytes said = arp({"who-has 192.0.2.1 tell 192.0.2.9", "H9>*", ""});
  lan.from(Side::inside, said);
  CHECK(lan.from(Side::outside, said) == "forward");
  CHECK_FALSE(lan.neighbours().is_gateway(at("192.0.2.9")));
  CHECK(lan.neighbours().is_live(at("192.0.2.9"), lan.now()));
  // Another MAC is somebody else.
  lan.from(Side::outside, arp({"who-has 192.0.2.1 tell 192.0.2.9", "R9>*", ""}));
  CHECK(lan.neighbours().is_gateway(at("192.0.2.9")));
  CHECK_FALSE(lan.neighbours().is_live(at("192.0.2.9"), lan.now()));
}

TEST_CASE("neighbours: gateway MACs make room for new ones, group MACs are refused",
          "[neighbours]") {
  Lan lan(policy_with({}));
  Neighbours& n = lan.neighbours();
  const auto numbered_mac = [](unsigned i) {
    return Mac{{2, 0, 0, 1, 0, static_cast<std::uint8_t>(i)}};
  };
  for (unsigned i = 0; i < 64; ++i) n.learn_gateway_mac(numbered_mac(i));
  n.learn_gateway_mac(numbered_mac(0));
  n.learn_gateway_mac(kBroadcastMac);
  n.learn_gateway_mac(mac("BOX"));
  n.learn_gateway_mac(Mac{});
  for (unsigned i = 0; i < 64; ++i) CHECK(n.is_gateway_mac(numbered_mac(i)));
  CHECK_FALSE(n.is_gateway_mac(kBroadcastMac));
  CHECK_FALSE(n.is_gateway_mac(mac("BOX")));
  CHECK_FALSE(n.is_gateway_mac(Mac{}));
  n.learn_gateway_mac(numbered_mac(64));
  CHECK(n.is_gateway_mac(numbered_mac(64)));
  CHECK_FALSE(n.is_gateway_mac(numbered_mac(0)));
}

TEST_CASE("host table: a LAN fits, a flood stays bounded, silence is swept", "[neighbours]") {
  HostTable table(256);
  for (std::uint32_t i = 0; i < 256; ++i) table.insert(numbered(i), i);
  std::size_t found = 0;
  for (std::uint32_t i = 0; i < 256; ++i) found += table.find(numbered(i)) != nullptr ? 1U : 0U;
  CHECK(found >= 250);
  // The longest silent make room, never the newcomer.
  for (std::uint32_t i = 1000; i < 9000; ++i) {
    table.insert(numbered(i), i);
    REQUIRE(table.find(numbered(i)) != nullptr);
  }
  CHECK(table.find(numbered(0)) == nullptr);
  CHECK(table.find(numbered(8999)) != nullptr);
  table.erase(numbered(8999));
  CHECK(table.find(numbered(8999)) == nullptr);
  for (int i = 0; i < 512; ++i) table.sweep(10000, 500);
  found = 0;
  for (std::uint32_t i = 0; i < 9000; ++i) found += table.find(numbered(i)) != nullptr ? 1U : 0U;
  CHECK(found == 0);
}

TEST_CASE("host table: neighbouring addresses of both families spread", "[neighbours]") {
  HostTable table(65536);
  const bool v6 = GENERATE(true, false);
  const auto make = [&](std::uint32_t i) {
    if (!v6) return numbered(i);
    Address a = at("2001:db8::");
    a.bytes[14] = static_cast<std::uint8_t>(i >> 8U);
    a.bytes[15] = static_cast<std::uint8_t>(i);
    return a;
  };
  for (std::uint32_t i = 0; i < 16384; ++i) table.insert(make(i), 1);
  std::size_t found = 0;
  for (std::uint32_t i = 0; i < 16384; ++i) found += table.find(make(i)) != nullptr ? 1U : 0U;
  CHECK(found >= 16384 - 16);
}
