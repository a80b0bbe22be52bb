// SPDX-License-Identifier: BSD-3-Clause
#include "ruleset/ruleset.hpp"

#include <catch2/catch.hpp>

using namespace mitibox;
using Match = Ruleset::Match;

namespace {

Address ip(std::string_view text) {
  return parse_address(text).value();
}

Policy policy() {
  Policy p;
  Service web{ip("203.0.113.10"), {{80, 80}, {443, 443}, {8000, 8080}}, {}, {}, true, false};
  Service mail{ip("203.0.113.25"), {{25, 25}}, {}, {}, false, true};
  Service dns{ip("203.0.113.53"), {{53, 53}}, {{53, 53}}, {}, true, true};
  Service edges{ip("203.0.113.60"), {{1, 1}, {65535, 65535}}, {{1, 65535}}, {}, false, false};
  Service tunnel{ip("2001:db8:1::10"), {{443, 443}}, {}, {}, false, false};
  tunnel.protocols.set(47);
  Service nothing{ip("203.0.113.99"), {}, {}, {}, false, false};
  p.services = {tunnel, web, nothing, mail, dns, edges};  // the Ruleset sorts for itself
  return p;
}

}  // namespace

TEST_CASE("A destination is matched by address, protocol and port") {
  const Ruleset rules(policy());
  struct Row {
    const char* address;
    std::uint8_t protocol;
    std::uint16_t port;
    Match match;
  };
  constexpr auto kTcp = protocol::kTcp;
  constexpr auto kUdp = protocol::kUdp;
  const Row rows[] = {
      {"203.0.113.10", kTcp, 80, Match::legitimate},
      {"203.0.113.10", kTcp, 79, Match::illegitimate},
      {"203.0.113.10", kTcp, 81, Match::illegitimate},
      {"203.0.113.10", kTcp, 7999, Match::illegitimate},
      {"203.0.113.10", kTcp, 8000, Match::legitimate},
      {"203.0.113.10", kTcp, 8040, Match::legitimate},
      {"203.0.113.10", kTcp, 8080, Match::legitimate},
      {"203.0.113.10", kTcp, 8081, Match::illegitimate},
      {"203.0.113.10", kTcp, 0, Match::illegitimate},
      {"203.0.113.10", kUdp, 80, Match::illegitimate},
      {"203.0.113.10", 47, 0, Match::illegitimate},
      {"203.0.113.25", kTcp, 25, Match::open},
      {"203.0.113.25", kTcp, 26, Match::illegitimate},
      {"203.0.113.53", kUdp, 53, Match::open},
      {"203.0.113.60", kTcp, 1, Match::legitimate},
      {"203.0.113.60", kTcp, 2, Match::illegitimate},
      {"203.0.113.60", kTcp, 65534, Match::illegitimate},
      {"203.0.113.60", kTcp, 65535, Match::legitimate},
      {"203.0.113.60", kUdp, 65535, Match::legitimate},
      {"2001:db8:1::10", kTcp, 443, Match::legitimate},
      {"2001:db8:1::10", 47, 0, Match::legitimate},
      {"2001:db8:1::10", 50, 0, Match::illegitimate},
      {"2001:db8:1::11", kTcp, 443, Match::illegitimate},
      {"203.0.113.9", kTcp, 80, Match::illegitimate},
      {"203.0.113.255", kTcp, 80, Match::illegitimate},
      {"0.0.0.0", kTcp, 80, Match::illegitimate},
      {"ffff::", kTcp, 80, Match::illegitimate},
  };
  for (const Row& r : rows) {
    CAPTURE(r.address, r.protocol, r.port);
    CHECK(rules.match({ip(r.address), r.port, r.protocol}) == r.match);
  }
}

TEST_CASE("Echo is granted, tolerated where anything is offered, or evidence") {
  const Ruleset rules(policy());
  const auto echo = [&](const char* address) {
    const Address a = ip(address);
    return rules.match({a, 0, a.is_v4() ? protocol::kIcmp : protocol::kIcmpv6});
  };
  CHECK(echo("203.0.113.10") == Match::legitimate);
  CHECK(echo("203.0.113.53") == Match::open);
  CHECK(echo("203.0.113.25") == Match::tolerated);
  CHECK(echo("2001:db8:1::10") == Match::tolerated);
  CHECK(echo("203.0.113.99") == Match::illegitimate);
  CHECK(echo("203.0.113.11") == Match::illegitimate);
  // The other family's ICMP is a protocol like any other.
  CHECK(rules.match({ip("203.0.113.10"), 0, protocol::kIcmpv6}) == Match::illegitimate);
}

TEST_CASE("Where no service lists echo, all that offers anything is tolerated") {
  Policy p = policy();
  for (Service& s : p.services) s.echo = false;
  const Destination found[] = {{ip("203.0.113.77"), 22, protocol::kTcp}};
  const Ruleset rules(p, found);
  CHECK(rules.match({ip("203.0.113.10"), 0, protocol::kIcmp}) == Match::tolerated);
  CHECK(rules.match({ip("203.0.113.77"), 0, protocol::kIcmp}) == Match::tolerated);
  CHECK(rules.match({ip("2001:db8:1::10"), 0, protocol::kIcmpv6}) == Match::tolerated);
  CHECK(rules.match({ip("203.0.113.98"), 0, protocol::kIcmp}) == Match::illegitimate);
  CHECK(rules.match({ip("203.0.113.10"), 0, protocol::kIcmpv6}) == Match::illegitimate);
  CHECK(rules.match({ip("203.0.113.10"), 80, protocol::kTcp}) == Match::legitimate);
}

TEST_CASE("Only protocols that some service lists are listed") {
  const Ruleset rules(policy());
  CHECK(rules.lists_protocol(47));
  CHECK_FALSE(rules.lists_protocol(50));
  CHECK_FALSE(Ruleset(Policy{}).lists_protocol(47));
  CHECK(Ruleset(Policy{}).match({ip("203.0.113.10"), 80, protocol::kTcp}) == Match::illegitimate);
}

TEST_CASE("What was found is legitimate beside what the policy lists") {
  const Destination found[] = {
      {ip("203.0.113.99"), 22, protocol::kTcp},
      {ip("203.0.113.10"), 443, protocol::kTcp},  // listed as well
      {ip("203.0.113.77"), 123, protocol::kUdp},
      {ip("203.0.113.99"), 22, protocol::kTcp},  // twice
      {ip("203.0.113.25"), 587, protocol::kTcp},
  };
  const Ruleset rules(policy(), found);
  CHECK(rules.found().size() == 3);
  CHECK(rules.match({ip("203.0.113.99"), 22, protocol::kTcp}) == Match::legitimate);
  CHECK(rules.match({ip("203.0.113.99"), 22, protocol::kUdp}) == Match::illegitimate);
  CHECK(rules.match({ip("203.0.113.99"), 23, protocol::kTcp}) == Match::illegitimate);
  CHECK(rules.match({ip("203.0.113.77"), 123, protocol::kUdp}) == Match::legitimate);
  CHECK(rules.match({ip("203.0.113.25"), 587, protocol::kTcp}) == Match::legitimate);
  CHECK(rules.match({ip("203.0.113.25"), 25, protocol::kTcp}) == Match::open);
  CHECK(rules.match({ip("203.0.113.77"), 0, protocol::kIcmp}) == Match::tolerated);
  CHECK(rules.match({ip("203.0.113.78"), 0, protocol::kIcmp}) == Match::illegitimate);
}

TEST_CASE("Each row of the Ruleset has a number of its own") {
  const Destination found[] = {{ip("203.0.113.99"), 22, protocol::kTcp},
                               {ip("203.0.113.99"), 23, protocol::kTcp}};
  const Ruleset rules(policy(), found);
  REQUIRE(rules.rows() == 8);
  const auto row = [&](const char* address, std::uint16_t port) {
    return rules.row_of({ip(address), port, protocol::kTcp});
  };
  CHECK(row("203.0.113.10", 80) == row("203.0.113.10", 443));
  CHECK(rules.services()[row("203.0.113.25", 25).value()].address == ip("203.0.113.25"));
  CHECK(row("203.0.113.99", 22) == 6);
  CHECK(row("203.0.113.99", 23) == 7);
  CHECK_FALSE(row("203.0.113.99", 24));
  CHECK_FALSE(row("203.0.113.10", 79));
  CHECK_FALSE(row("203.0.113.200", 80));
}
