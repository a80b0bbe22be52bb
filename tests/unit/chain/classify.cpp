// SPDX-License-Identifier: BSD-3-Clause
#include "chain/classify.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../packet/craft.hpp"
#include "../port/lan.hpp"
#include "packet/parse.hpp"

using namespace mitibox;
using test::Craft;
using test::Probe;

namespace {

const Mac kRouter{{0x02, 0, 0, 0, 0, 0x0a}};
const Mac kHost{{0x02, 0, 0, 0, 0, 0x0b}};

Policy policy_of(Policy::Hairpin hairpin) {
  Policy policy;
  policy.protected_prefixes = {parse_prefix("203.0.113.0/24").value(),
                               parse_prefix("2001:db8:1::/64").value()};
  policy.gateways = {parse_address("203.0.113.1").value(), parse_address("2001:db8:1::1").value()};
  policy.hairpin = hairpin;
  return policy;
}

/// "pass", "neighbour", "inbound", "outbound", or the name of the reason.
std::string result_of(const Packet& p) {
  if (p.verdict == Verdict::drop) return std::string(row(p.reason).name);
  if (p.verdict != Verdict::pending) return "judged";
  static constexpr const char* kNames[] = {"pass", "neighbour", "inbound", "outbound"};
  return kNames[static_cast<std::size_t>(p.klass)];
}

struct Desk {
  explicit Desk(Policy::Hairpin hairpin = Policy::Hairpin::drop)
      : policy(policy_of(hairpin)), classifier(policy), neighbours(policy, Mac{}, nullptr) {}

  std::string classify(const Craft& craft, Side from) {
    Packet p;
    p.frame = craft.frame();
    p.from = from;
    const auto* start = rte_pktmbuf_mtod(p.frame, const std::uint8_t*);
    const Bytes before(start, start + p.frame->data_len);
    REQUIRE_FALSE(parse_frame(p));
    classifier.classify(p, neighbours);
    CHECK(Bytes(p.data(), p.data() + p.frame->data_len) == before);
    mitibox::test::release(p.frame);
    return result_of(p);
  }
  std::string classify(const std::string& source, const std::string& destination, Side from) {
    Probe probe;
    probe.source = source;
    probe.destination = destination;
    probe.source_mac = from == Side::outside ? kRouter : kHost;
    probe.destination_mac = from == Side::outside ? kHost : kRouter;
    return classify(Craft(probe), from);
  }
  /// A gateway that no policy lists says who it is.
  void learn_gateway(const char* address) {
    const test::Bytes frame =
        test::arp({"who-has 203.0.113.99 tell " + std::string(address), "R1>*", ""});
    Craft craft{Probe{}};
    craft.bytes = frame;
    Packet p;
    p.frame = craft.frame();
    p.from = Side::outside;
    REQUIRE_FALSE(parse_frame(p));
    Neighbours::Output out;
    neighbours.process(p, Now(std::chrono::seconds(1)), out);
    mitibox::test::release(p.frame);
  }

  using Bytes = test::Bytes;
  Policy policy;
  Classifier classifier;
  Neighbours neighbours;
};

struct Row {
  const char* what;
  const char* source;
  const char* destination;
  const char* from_outside;
  const char* from_inside;
};

void check_rows(Desk& desk, const std::vector<Row>& rows) {
  for (const Row& r : rows) {
    CAPTURE(r.what, r.source, r.destination);
    CHECK(desk.classify(r.source, r.destination, Side::outside) == r.from_outside);
    CHECK(desk.classify(r.source, r.destination, Side::inside) == r.from_inside);
  }
}

/// ICMPv6 of a type from one address to another.
Craft icmp6_frame(const char* source, const char* destination, unsigned type, unsigned hop_limit,
                  unsigned code = 0) {
  Probe probe;
  probe.source = source;
  probe.destination = destination;
  probe.protocol = protocol::kIcmpv6;
  probe.payload.assign(24, 0);
  Craft c(probe);
  c.put8(c.l4, type).put8(c.l4 + 1, code).put8(c.l3 + 7, hop_limit);
  return c.sum_upper(protocol::kIcmpv6);
}

}  // namespace

TEST_CASE("classify: by port, source and destination", "[classify]") {
  const auto hairpin = GENERATE(Policy::Hairpin::drop, Policy::Hairpin::pass);
  Desk desk(hairpin);
  check_rows(desk,
             {{"to P", "198.51.100.7", "203.0.113.10", "inbound", "hairpin"},
              {"from P", "203.0.113.10", "198.51.100.7", "hairpin", "outbound"},
              {"neither", "198.51.100.7", "192.0.2.1", "pass", "pass"},
              {"first of P", "198.51.100.7", "203.0.113.0", "inbound", "hairpin"},
              {"last of P", "198.51.100.7", "203.0.113.255", "inbound", "hairpin"},
              {"below P", "198.51.100.7", "203.0.112.255", "pass", "pass"},
              {"above P", "198.51.100.7", "203.0.114.0", "pass", "pass"},
              {"both in P", "203.0.113.10", "203.0.113.11", "hairpin", "hairpin"},
              {"martian to P: the Scrubber's", "127.0.0.1", "203.0.113.10", "inbound", "hairpin"},
              {"IPv4 link-local to P", "169.254.1.1", "203.0.113.10", "inbound", "hairpin"},
              {"unspecified to P", "0.0.0.0", "203.0.113.10", "inbound", "hairpin"},
              {"IPv6 to P", "2001:db8:ffff::7", "2001:db8:1::10", "inbound", "hairpin"},
              {"IPv6 from P", "2001:db8:1::10", "2001:db8:ffff::7", "hairpin", "outbound"},
              {"IPv6 neither", "2001:db8:ffff::7", "2001:db8:2::1", "pass", "pass"},
              {"IPv6 both", "2001:db8:1::10", "2001:db8:1::11", "hairpin", "hairpin"}});
}

TEST_CASE("classify: gateways, listed and learned", "[classify]") {
  Desk desk;
  const std::vector<Row> rows{
      {"to the world", "203.0.113.1", "198.51.100.7", "pass", "pass"},
      {"to a host", "203.0.113.1", "203.0.113.10", "pass", "pass"},
      {"from the world", "198.51.100.7", "203.0.113.1", "pass", "pass"},
      {"from a host", "203.0.113.10", "203.0.113.1", "pass", "pass"},
      {"IPv6 to a host", "2001:db8:1::1", "2001:db8:1::10", "pass", "pass"},
      {"IPv6 from the world", "2001:db8:ffff::7", "2001:db8:1::1", "pass", "pass"},
      {"its neighbour is none", "198.51.100.7", "203.0.113.2", "inbound", "hairpin"},
      {"nor in IPv6", "2001:db8:ffff::7", "2001:db8:1::2", "inbound", "hairpin"}};
  check_rows(desk, rows);
  CHECK(desk.classify("203.0.113.3", "203.0.113.10", Side::outside) == "hairpin");
  desk.learn_gateway("203.0.113.3");
  check_rows(desk, {{"learned", "203.0.113.3", "203.0.113.10", "pass", "pass"},
                    {"learned", "198.51.100.7", "203.0.113.3", "pass", "pass"}});
}

TEST_CASE("classify: hairpin passes from and to a gateway's MAC alone", "[classify]") {
  const auto hairpin = GENERATE(Policy::Hairpin::drop, Policy::Hairpin::pass);
  const bool v6 = GENERATE(false, true);
  const bool passes = hairpin == Policy::Hairpin::pass;
  const char* const through = passes ? "pass" : "hairpin";
  const std::string a = v6 ? "2001:db8:1::10" : "203.0.113.10";
  const std::string b = v6 ? "2001:db8:1::11" : "203.0.113.11";
  const std::string gateway = v6 ? "2001:db8:1::1" : "203.0.113.1";
  const std::string far = v6 ? "2001:db8:ffff::7" : "198.51.100.7";
  Desk desk(hairpin);
  // From inside nobody becomes a gateway.
  CHECK(desk.classify(gateway, far, Side::inside) == "pass");
  CHECK_FALSE(desk.neighbours.is_gateway_mac(kHost));
  CHECK(desk.classify(a, b, Side::outside) == "hairpin");
  CHECK(desk.classify(a, b, Side::inside) == "hairpin");
  CHECK(desk.classify(gateway, far, Side::outside) == "pass");
  CHECK(desk.neighbours.is_gateway_mac(kRouter));
  CHECK(desk.classify(a, b, Side::outside) == through);
  CHECK(desk.classify(a, b, Side::inside) == through);
  CHECK(desk.classify(a, far, Side::outside) == through);
  CHECK(desk.classify(far, a, Side::inside) == through);
  // The same from and to another MAC.
  Probe probe;
  probe.source = a;
  probe.destination = b;
  probe.source_mac = kHost;
  probe.destination_mac = kRouter;
  CHECK(desk.classify(Craft(probe), Side::outside) == "hairpin");
  std::swap(probe.source_mac, probe.destination_mac);
  CHECK(desk.classify(Craft(probe), Side::inside) == "hairpin");
  // What is handled is not touched by it.
  CHECK(desk.classify(far, a, Side::outside) == "inbound");
  CHECK(desk.classify(a, far, Side::inside) == "outbound");
}

TEST_CASE("classify: multicast, limited broadcast, DHCP, IPv6 link-local", "[classify]") {
  Desk desk;
  check_rows(desk, {{"OSPF, VRRP", "203.0.113.10", "224.0.0.5", "pass", "pass"},
                    {"multicast from afar", "198.51.100.7", "239.255.255.250", "pass", "pass"},
                    {"the last group", "203.0.113.10", "239.255.255.255", "pass", "pass"},
                    {"DHCP discover", "0.0.0.0", "255.255.255.255", "pass", "pass"},
                    {"DHCP offer", "203.0.113.10", "255.255.255.255", "pass", "pass"},
                    {"beyond the groups", "203.0.113.10", "240.0.0.1", "hairpin", "outbound"},
                    {"IPv6 group", "2001:db8:1::10", "ff02::fb", "pass", "pass"},
                    {"IPv6 group from afar", "2001:db8:ffff::7", "ff0e::1", "pass", "pass"},
                    {"DHCPv6", "fe80::1", "ff02::1:2", "pass", "pass"},
                    {"link-local both", "fe80::1", "fe80::2", "pass", "pass"},
                    {"link-local to P", "fe80::1", "2001:db8:1::10", "pass", "pass"},
                    {"P to link-local", "2001:db8:1::10", "febf::1", "pass", "pass"},
                    {"above link-local", "fec0::1", "2001:db8:1::10", "inbound", "hairpin"},
                    {"below link-local", "fe7f::1", "2001:db8:1::10", "inbound", "hairpin"}});
  // A client renews its lease by unicast; a server that is no gateway is no exception.
  Probe renew;
  renew.source = "203.0.113.10";
  renew.destination = "203.0.113.1";
  renew.protocol = protocol::kUdp;
  renew.source_port = 68;
  renew.destination_port = 67;
  CHECK(desk.classify(Craft(renew), Side::inside) == "pass");
  renew.destination = "198.51.100.7";
  CHECK(desk.classify(Craft(renew), Side::inside) == "outbound");
  std::swap(renew.source, renew.destination);
  std::swap(renew.source_port, renew.destination_port);
  CHECK(desk.classify(Craft(renew), Side::outside) == "inbound");
}

TEST_CASE("classify: layer 2 passes, ARP is for Neighbours", "[classify]") {
  struct Kind {
    const char* what;
    unsigned type;
    const char* result;
  };
  const Kind kind = GENERATE(Kind{"STP: a length", 0x0026, "pass"}, Kind{"LACP", 0x8809, "pass"},
                             Kind{"LLDP", 0x88cc, "pass"}, Kind{"pause", 0x8808, "pass"},
                             Kind{"EAPOL", 0x888e, "pass"}, Kind{"PTP", 0x88f7, "pass"},
                             Kind{"MPLS", 0x8847, "pass"}, Kind{"loopback", 0x9000, "pass"},
                             Kind{"ARP", 0x0806, "neighbour"}, Kind{"reverse ARP", 0x8035, "pass"});
  const Side from = GENERATE(Side::outside, Side::inside);
  const unsigned tags = GENERATE(0U, 1U, 2U);
  CAPTURE(kind.what, tags);
  Probe probe;
  probe.tags = tags;
  Craft craft(probe);
  Desk desk;
  CHECK(desk.classify(craft.put16(craft.l3 - 2, kind.type), from) == kind.result);
}

TEST_CASE("classify: tags change nothing", "[classify]") {
  const unsigned tags = GENERATE(1U, 2U);
  const bool v6 = GENERATE(false, true);
  Desk desk;
  Probe probe = test::probe_between(v6, Side::outside);
  probe.tags = tags;
  CHECK(desk.classify(Craft(probe), Side::outside) == "inbound");
  CHECK(desk.classify(Craft(probe), Side::inside) == "hairpin");
  probe = test::probe_between(v6, Side::inside);
  probe.tags = tags;
  CHECK(desk.classify(Craft(probe), Side::inside) == "outbound");
  probe.source = v6 ? "2001:db8:1::1" : "203.0.113.1";
  CHECK(desk.classify(Craft(probe), Side::outside) == "pass");
}

TEST_CASE("S-ICMP6-1: Neighbour Discovery of this link", "[classify]") {
  struct Pair {
    const char* source;
    const char* destination;
  };
  const Pair pair = GENERATE(Pair{"fe80::1", "ff02::1:ff00:10"}, Pair{"fe80::1", "fe80::2"},
                             Pair{"2001:db8:1::1", "2001:db8:1::10"},
                             Pair{"2001:db8:ffff::7", "2001:db8:1::10"}, Pair{"::", "ff02::2"});
  const Side from = GENERATE(Side::outside, Side::inside);
  Desk desk;
  for (unsigned type = 133; type <= 137; ++type) {
    CAPTURE(pair.source, pair.destination, type);
    const auto result = [&](unsigned hop_limit, unsigned code = 0) {
      return desk.classify(icmp6_frame(pair.source, pair.destination, type, hop_limit, code), from);
    };
    CHECK(result(255) == (type == 135 || type == 136 ? "neighbour" : "pass"));
    CHECK(result(254) == "nd-invalid");
    CHECK(result(64) == "nd-invalid");
    CHECK(result(255, 1) == "nd-invalid");
  }
  // The types next to them are none.
  const bool between = std::string_view(pair.source).starts_with("fe80") ||
                       std::string_view(pair.destination).starts_with("ff02");
  for (const unsigned type : {128U, 138U}) {
    const std::string result =
        desk.classify(icmp6_frame(pair.source, pair.destination, type, 64), Side::outside);
    CHECK(result ==
          (between || std::string_view(pair.source) == "2001:db8:1::1" ? "pass" : "inbound"));
  }
}

TEST_CASE("S-ICMP6-1: nothing hides Neighbour Discovery", "[classify]") {
  const unsigned type = GENERATE(133U, 134U, 135U, 136U, 137U);
  const char* const destination = GENERATE("ff02::1", "fe80::2");
  const Side from = GENERATE(Side::outside, Side::inside);
  const Craft plain = icmp6_frame("fe80::1", destination, type, 255);
  Desk desk;
  CHECK(desk.classify(Craft(plain).extend(0, test::Bytes(8)), from) == "nd-invalid");
  CHECK(desk.classify(Craft(plain).extend(60, test::Bytes(8)), from) == "nd-invalid");
  CHECK(desk.classify(Craft(plain).extend(43, test::Bytes(8)), from) == "nd-invalid");
  CHECK(desk.classify(Craft(plain).fragment({}), from) == "nd-invalid");
  CHECK(desk.classify(Craft(plain).fragment({7, 0, true}), from) == "nd-invalid");
  // The long form of a header, and a chain of them.
  test::Bytes longer(24);
  longer[1] = 2;
  Craft chain = Craft(plain).extend(60, longer).fragment({}).extend(0, test::Bytes(8));
  CHECK(desk.classify(chain, from) == "nd-invalid");
  Craft deep(plain);
  for (int i = 0; i < 8; ++i) deep.extend(60, test::Bytes(8));
  CHECK(desk.classify(deep, from) == "nd-invalid");
  CHECK(desk.classify(deep.extend(60, test::Bytes(8)), from) == "ip6-extension");
  // Lengths that lead out of the datagram.
  longer[1] = 200;
  CHECK(desk.classify(Craft(plain).extend(60, longer), from) == "ip6-extension");
  Craft stump = Craft(plain).extend(60, test::Bytes(8));
  CHECK(desk.classify(stump.resize(stump.l3 + 47).fit(), from) == "ip6-extension");
}

TEST_CASE("S-ICMP6-2: MLD of this link", "[classify]") {
  const unsigned type = GENERATE(130U, 131U, 132U, 143U);
  const bool alert = GENERATE(true, false);
  const Side from = GENERATE(Side::outside, Side::inside);
  Desk desk;
  const auto result = [&](const char* source, unsigned hop_limit) {
    Craft c = icmp6_frame(source, "ff02::16", type, hop_limit);
    if (alert) c.extend(0, {0, 0, 5, 2, 0, 0, 1, 0});
    return desk.classify(c, from);
  };
  CHECK(result("fe80::1", 1) == "pass");
  CHECK(result("::", 1) == "pass");  // RFC 3590
  CHECK(result("fe80::1", 2) == "nd-invalid");
  CHECK(result("fe80::1", 255) == "nd-invalid");
  CHECK(result("2001:db8:ffff::7", 1) == "nd-invalid");
  // Other options and messages between neighbours are not the box's to judge.
  CHECK(desk.classify(icmp6_frame("fe80::1", "ff02::1", 128, 64).extend(0, test::Bytes(8)), from) ==
        "pass");
  Probe udp;
  udp.source = "fe80::1";
  udp.destination = "ff02::fb";
  udp.protocol = protocol::kUdp;
  CHECK(desk.classify(Craft(udp).extend(60, test::Bytes(8)), from) == "pass");
}
