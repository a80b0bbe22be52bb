// SPDX-License-Identifier: BSD-3-Clause
#include "policy/policy.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "fixtures.hpp"

using namespace mitibox;
using Catch::Contains;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

Policy parsed(const std::string& further = "") {
  return parse_policy(R"({"protected":["203.0.113.0/24","2001:db8:1::/64"])" + further + "}",
                      "p.json");
}

std::vector<std::pair<int, int>> pairs(const std::vector<PortRange>& ranges) {
  std::vector<std::pair<int, int>> out;
  for (const PortRange& r : ranges) out.emplace_back(r.first, r.last);
  return out;
}

bool warned(const Policy& policy, const std::string& text) {
  const auto all = warnings(policy);
  return std::any_of(all.begin(), all.end(),
                     [&](const std::string& w) { return w.find(text) != w.npos; });
}

}  // namespace

TEST_CASE("policies of the tables are accepted or refused as they say", "[policy]") {
  for (const auto& c : policy_fixtures::cases("good")) {
    CAPTURE(c["name"]);
    CHECK_NOTHROW(parse_policy(c["policy"].dump(), "p.json"));
  }
  for (const char* table : {"bad", "contradictions"}) {
    for (const auto& c : policy_fixtures::cases(table)) {
      CAPTURE(c["name"]);
      std::string what = "accepted";
      try {
        parse_policy(c["policy"].dump(), "p.json");
      } catch (const PolicyError& e) {
        what = e.what();
      }
      CHECK_THAT(what, Catch::StartsWith("p.json: /"));
      CHECK_THAT(what, Contains(c["error"].get<std::string>()));
      CHECK(what.find('\n') == what.npos);
    }
  }
}

TEST_CASE("the examples load without surprise", "[policy]") {
  const auto examples = policy_fixtures::source_root() / "docs/examples";
  REQUIRE_NOTHROW(load_policy(examples / "minimal.json"));
  REQUIRE(load_policy(examples / "paper.json").profile == Policy::Profile::paper);

  // full.json states every default, and adds what has none.
  Policy full = load_policy(examples / "full.json");
  REQUIRE(full.services.size() == 4);
  REQUIRE(full.gateways.size() == 2);
  full.services.clear();
  full.gateways.clear();
  full.trust.never_distrust.clear();
  full.trust.allow.clear();
  full.http = {};
  full.learn = {};
  full.imports.clear();
  full.neighbours = {};
  full.reply.voices.clear();
  full.events.file.clear();
  full.events.socket.clear();
  REQUIRE(describe(full) == describe(parsed()));
}

TEST_CASE("defaults are those of the contract", "[policy]") {
  const Policy p = parsed();
  REQUIRE(p.profile == Policy::Profile::standard);
  REQUIRE(p.protected_prefixes.size() == 2);
  REQUIRE(p.services.empty());
  REQUIRE(p.hairpin == Policy::Hairpin::drop);
  REQUIRE(p.probability.drop == 0.5);
  REQUIRE(p.probability.retransmission == Policy::Retransmission::admit);
  REQUIRE(p.admission == Policy::Admission::handshake);
  REQUIRE(p.trust.evidence == Policy::Evidence::proof);
  REQUIRE(p.trust.distrusted == minutes(10));
  REQUIRE(p.trust.light == Seconds(30));
  REQUIRE(p.trust.doublings == 3);
  REQUIRE(p.trust.partial.size() == 3);
  REQUIRE(p.trust.partial[0].divert == 0.75);
  REQUIRE(p.trust.partial[2].divert == 0.25);
  REQUIRE(p.trust.partial[2].duration == minutes(10));
  REQUIRE(p.trust.escalate.ipv4.empty());
  REQUIRE(p.trust.escalate.ipv6 == std::vector<unsigned>{56, 48});
  REQUIRE(p.trust.escalate.count == 4);
  REQUIRE(p.timeouts.established == hours(2) + minutes(4));
  REQUIRE(p.tables.connections == 1048576);
  REQUIRE(p.tables.of_ipv6() == 1048576);
  REQUIRE(p.tables.persist);
}

TEST_CASE("profile paper sets the paper's defaults, explicit keys win in any order", "[policy]") {
  const Policy paper = parsed(R"(,"profile":"paper")");
  REQUIRE(paper.probability.drop == 0.5);
  REQUIRE(paper.probability.retransmission == Policy::Retransmission::hold);
  REQUIRE(paper.trust.evidence == Policy::Evidence::attempt);
  REQUIRE(paper.trust.partial.size() == 3);
  REQUIRE(paper.trust.escalate.ipv6.empty());
  REQUIRE(paper.trust.doublings == 0);

  for (const char* text :
       {R"(,"profile":"paper","probability":{"retransmission":"admit"},"trust":{"partial":[]})",
        R"(,"probability":{"retransmission":"admit"},"trust":{"partial":[]},"profile":"paper")"}) {
    const Policy p = parsed(text);
    REQUIRE(p.probability.retransmission == Policy::Retransmission::admit);
    REQUIRE(p.trust.evidence == Policy::Evidence::attempt);
    REQUIRE(p.trust.partial.empty());
  }
}

TEST_CASE("services come sorted by address, their ports merged", "[policy]") {
  const Policy p = parsed(R"(,"services":[
    {"address":"2001:db8:1::1","udp":[53]},
    {"address":"203.0.113.20","tcp":["8000-8080",443,"8070-9000",80,81,65535,443]},
    {"address":"203.0.113.3","protocols":[47,50],"echo":true,"public":true}])");
  REQUIRE(p.services.size() == 3);
  REQUIRE(std::is_sorted(p.services.begin(), p.services.end(),
                         [](auto& a, auto& b) { return a.address < b.address; }));
  const auto of = [&](const char* address) -> const Service& {
    const Address a = parse_address(address).value();
    return *std::find_if(p.services.begin(), p.services.end(),
                         [&](const Service& s) { return s.address == a; });
  };
  REQUIRE(pairs(of("203.0.113.20").tcp) ==
          std::vector<std::pair<int, int>>{{80, 81}, {443, 443}, {8000, 9000}, {65535, 65535}});
  REQUIRE(of("203.0.113.20").udp.empty());
  REQUIRE_FALSE(of("203.0.113.20").is_public);
  REQUIRE(of("203.0.113.3").protocols.count() == 2);
  REQUIRE(of("203.0.113.3").protocols[47]);
  REQUIRE(of("203.0.113.3").echo);
  REQUIRE(of("203.0.113.3").is_public);
  REQUIRE(pairs(of("2001:db8:1::1").udp) == std::vector<std::pair<int, int>>{{53, 53}});
}

TEST_CASE("every key reaches its field", "[policy]") {
  const Policy p = parsed(R"(,
    "gateways":["203.0.113.1"], "hairpin":"pass",
    "probability":{"drop":0.25,"retransmission":"hold"},
    "trust":{"distrusted":"5m","evidence":"attempt","light":"7s","doublings":5,"ipv4_prefix":24,
             "ipv6_prefix":56,"never_distrust":["192.0.2.0/28"],
             "allow":[{"sources":["192.0.2.16/28","2001:db8:2::/64"]},
                      {"sources":["192.0.2.1"],"to":[{"address":"203.0.113.0/25","tcp":[25,80]},
                                                     {"udp":["5-6"]}]}],
             "escalate":{"ipv4":[20],"ipv6":[48,40,32],"count":8},
             "partial":[{"divert":0.5,"for":"1m"},{"divert":0,"for":"2m"}]},
    "neighbours":{"answer_dark":["203.0.113.128/25"],"answer_live":false,
                  "dhcp_ranges":["203.0.113.200-203.0.113.220"]},
    "reply":{"udp":"unreachable"},
    "normalise":{"ecn":"keep","timing":false,"segments":false,"sack":false,"echo_rate":7,"error_rate":8},
    "timeouts":{"grace":"1s","half_open":"2s","established":"3s","closing":"4s","time_wait":"5s",
                "udp":"6s","udp_replied":"7s","other":"8s"},
    "tables":{"connections":1001,"connections_ipv6":1007,"sources":1002,"retransmissions":1003,"conversations":1004,
              "fragments":1005,"reply_buffers":1006,"persist":false})");
  REQUIRE(to_string(p.gateways.at(0)) == "203.0.113.1");
  REQUIRE(p.hairpin == Policy::Hairpin::pass);
  REQUIRE(p.probability.drop == 0.25);
  REQUIRE(p.probability.retransmission == Policy::Retransmission::hold);
  REQUIRE(p.trust.distrusted == minutes(5));
  REQUIRE(p.trust.evidence == Policy::Evidence::attempt);
  REQUIRE(p.trust.light == Seconds(7));
  REQUIRE(p.trust.doublings == 5);
  REQUIRE(p.trust.ipv4_prefix == 24);
  REQUIRE(p.trust.ipv6_prefix == 56);
  REQUIRE(to_string(p.trust.never_distrust.at(0)) == "192.0.2.0/28");
  REQUIRE(p.trust.allow.size() == 2);
  REQUIRE(to_string(p.trust.allow[0].sources.at(1)) == "2001:db8:2::/64");
  REQUIRE(p.trust.allow[0].to.empty());
  REQUIRE(to_string(p.trust.allow[1].to.at(0).address.value()) == "203.0.113.0/25");
  REQUIRE(pairs(p.trust.allow[1].to[0].tcp) ==
          std::vector<std::pair<int, int>>{{25, 25}, {80, 80}});
  REQUIRE_FALSE(p.trust.allow[1].to.at(1).address);
  REQUIRE(pairs(p.trust.allow[1].to[1].udp) == std::vector<std::pair<int, int>>{{5, 6}});
  REQUIRE(p.trust.escalate.ipv4 == std::vector<unsigned>{20});
  REQUIRE(p.trust.escalate.ipv6 == std::vector<unsigned>{48, 40, 32});
  REQUIRE(p.trust.escalate.count == 8);
  REQUIRE(p.trust.partial.size() == 2);
  REQUIRE(p.trust.partial[1].divert == 0);
  REQUIRE(p.trust.partial[1].duration == minutes(2));
  REQUIRE(to_string(p.neighbours.answer_dark.at(0)) == "203.0.113.128/25");
  REQUIRE_FALSE(p.neighbours.answer_live);
  REQUIRE(to_string(p.neighbours.dhcp_ranges.at(0).last) == "203.0.113.220");
  REQUIRE(p.reply.udp == Policy::UdpReply::unreachable);
  REQUIRE(p.normalise.ecn == Policy::Ecn::keep);
  REQUIRE_FALSE(p.normalise.timing);
  REQUIRE_FALSE(p.normalise.segments);
  REQUIRE_FALSE(p.normalise.sack);
  REQUIRE(p.normalise.echo_rate == 7);
  REQUIRE(p.normalise.error_rate == 8);
  const auto& t = p.timeouts;
  REQUIRE(std::vector<Seconds>{t.grace, t.half_open, t.established, t.closing, t.time_wait, t.udp,
                               t.udp_replied, t.other} ==
          std::vector<Seconds>{Seconds(1), Seconds(2), Seconds(3), Seconds(4), Seconds(5),
                               Seconds(6), Seconds(7), Seconds(8)});
  const auto& n = p.tables;
  REQUIRE(std::vector<std::uint32_t>{n.connections, n.of_ipv6(), n.sources, n.retransmissions,
                                     n.conversations, n.fragments, n.reply_buffers} ==
          std::vector<std::uint32_t>{1001, 1007, 1002, 1003, 1004, 1005, 1006});
  REQUIRE_FALSE(n.persist);
}

TEST_CASE("as many connections of IPv6 as of IPv4, unless said", "[policy]") {
  REQUIRE(parsed(R"(,"tables":{"connections":100})").tables.of_ipv6() == 100);
  REQUIRE(parsed(R"(,"tables":{"connections":100,"connections_ipv6":99})").tables.of_ipv6() == 99);
  REQUIRE_THAT(describe(parsed(R"(,"tables":{"connections_ipv6":99})")),
               Contains("connections         1048576  IPv4\n") &&
                   Contains("connections_ipv6         99  IPv6\n"));
}

TEST_CASE("light is never longer than distrusted", "[policy]") {
  REQUIRE(parsed(R"(,"trust":{"distrusted":"4s"})").trust.light == Seconds(4));
  REQUIRE(parsed(R"(,"trust":{"distrusted":"4s","light":"4s"})").trust.light == Seconds(4));
  REQUIRE(parsed(R"(,"trust":{"distrusted":"40s"})").trust.light == Seconds(30));
}

TEST_CASE("what escalates by default is shorter than a source", "[policy]") {
  REQUIRE(parsed(R"(,"trust":{"ipv6_prefix":57})").trust.escalate.ipv6 ==
          std::vector<unsigned>{56, 48});
  REQUIRE(parsed(R"(,"trust":{"ipv6_prefix":56})").trust.escalate.ipv6 ==
          std::vector<unsigned>{48});
  REQUIRE(
      parsed(R"(,"trust":{"ipv6_prefix":48,"escalate":{"count":2}})").trust.escalate.ipv6.empty());
}

TEST_CASE("an overlong key or value does not flood the message", "[policy]") {
  const std::string longest(1000000, 'k');
  for (const std::string& text :
       {R"(,")" + longest + R"(":1)", R"(,"hairpin":")" + longest + '"'}) {
    std::string what;
    try {
      parsed(text);
    } catch (const PolicyError& e) {
      what = e.what();
    }
    REQUIRE(what.size() > 20);
    REQUIRE(what.size() < 600);
  }
}

TEST_CASE("a policy is described with all its defaults", "[policy]") {
  const std::string text = describe(parsed(
      R"(,"services":[{"address":"203.0.113.9","tcp":[80,"90-99"],"udp":[53],"protocols":[47],
          "echo":true,"public":true,"admission":"forward"}],"neighbours":{"dhcp_ranges":["203.0.113.7-203.0.113.8"]})"));
  CAPTURE(text);
  for (const char* expected :
       {"Profile        default\n",
        "Protected      203.0.113.0/24\n               2001:db8:1::/64\n",
        "Services       203.0.113.9  tcp 80, 90-99; udp 53; protocols 47; echo; public; admission "
        "forward\n\n",
        "drop             0.5 ",
        "retransmission   admit ",
        "evidence         proof",
        "light            30s",
        "distrusted       10m",
        "partial 3        10m",
        "0.25 of attempts",
        "ipv6_prefix      /64",
        "never_distrust   none\n",
        "allow            none\n",
        "doublings        3           proven again before it is neutral: all levels twice as long, "
        "up "
        "to 8 times\n",
        "escalate ipv6    /56, /48    distrusted by 4, 16 proven sources\n",
        "escalate ipv4    none\n",
        "answer_dark      none",
        "answer_live      yes ",
        "dhcp_ranges      203.0.113.7-203.0.113.8\n",
        "echo_rate        100/s ",
        "error_rate       1/s ",
        "established      2h4m",
        "connections      ",
        "reply_buffers    ",
        "HTTP           listen           nowhere "})
    CHECK_THAT(text, Contains(expected));
  REQUIRE(text.find(" \n") == text.npos);
  REQUIRE(text.find("\n\n\n") == text.npos);
  REQUIRE_THAT(describe(parsed(R"(,"profile":"paper")")), Contains("hold") && Contains("attempt"));
  REQUIRE_THAT(
      describe(parsed(R"(,"trust":{"allow":[{"sources":["192.0.2.1","192.0.2.7"]},
      {"sources":["192.0.2.2"],"to":[{"address":"203.0.113.9"},{"tcp":[80],"udp":[1,2]}]}]})")),
      Contains("allow            192.0.2.1/32, 192.0.2.7/32\n") &&
          Contains(
              "                 192.0.2.2/32 to 203.0.113.9/32; any address tcp 80 udp 1-2\n"));
}

TEST_CASE("decoys and voices are read, and described", "[policy]") {
  const Policy p = parsed(R"(,"services":[{"address":"203.0.113.9","tcp":[444,"8000-8001"]}],
    "reply":{"surface":"sparse","decoys":{"ports":[81,80,443],"share":0.5,"elsewhere":0.001},
      "voices":[{"ports":[443],"answer":"\u0015\u0000\u00e9\u0080"},
                {"ports":["21-22"],"greeting":"hi\r\n","answer":"no"}]})");
  REQUIRE(p.reply.surface == Policy::Surface::sparse);
  REQUIRE(pairs(p.reply.decoys.ports) == std::vector<std::pair<int, int>>{{80, 81}, {443, 443}});
  REQUIRE(p.reply.voices.at(0).answer == std::string("\x15\0\xe9\x80", 4));
  REQUIRE(p.reply.voices.at(0).greeting.empty());
  REQUIRE(pairs(p.reply.voices.at(1).ports) == std::vector<std::pair<int, int>>{{21, 22}});
  // 21, 22, 80, 81, 443, 444, 8000, 8001
  REQUIRE(decoy_ports(p).count() == 8);
  REQUIRE(expected_decoys(p) == Approx(4 + 65.527));
  const std::string text = describe(p);
  CAPTURE(text);
  for (const char* expected :
       {"surface          sparse ", "decoys           0.5 ", "of ports 80-81, 443 and", "0.001 ",
        "69.5 ", "voices           port 443    answers \"\\x15\\x00\\xe9\\x80\"\n",
        "port 21-22  greets \"hi\\x0d\\x0a\", answers \"no\"\n"})
    CHECK_THAT(text, Contains(expected));
  CHECK_THAT(describe(parsed()),
             Contains("surface          open ") && Contains("voices           none"));
}

TEST_CASE("where the box listens is read, and described", "[policy]") {
  CHECK_FALSE(parsed().http.listen);
  const Policy p = parsed(R"(,"http":{"listen":"127.8.0.1:9464","names":["Box.Example.org","b"]})");
  CHECK(to_string(p.http.listen.value()) == "127.8.0.1:9464");
  CHECK(p.http.names == std::vector<std::string>{"box.example.org", "b"});
  CHECK(is_loopback(p.http.listen->address));
  CHECK_THAT(describe(p), Contains("HTTP           listen           127.8.0.1:9464") &&
                              Contains("names            box.example.org, b\n"));
  const Policy v6 = parsed(R"(,"http":{"listen":"[::1]:1"})");
  CHECK(to_string(v6.http.listen.value()) == "[::1]:1");
  CHECK(is_loopback(v6.http.listen->address));
}

TEST_CASE("what is rarely meant is warned of, and nothing else", "[policy]") {
  const std::string sound =
      R"(,"gateways":["203.0.113.1","2001:db8:1::1"],
          "services":[{"address":"203.0.113.9","tcp":[80]}],
          "neighbours":{"answer_dark":["203.0.113.0/24"]})";
  REQUIRE(warnings(parsed(sound)) == std::vector<std::string>{});
  REQUIRE(warnings(parsed(sound + R"(,"profile":"paper",
      "trust":{"never_distrust":["192.0.2.0/28","2001:db8:2::/64"]})"))
              .empty());

  struct Case {
    const char* json;
    const char* warning;
  };
  for (const Case& c : {
           Case{R"(,"trust":{"never_distrust":["192.0.2.0/27"]})", "never_distrust 192.0.2.0/27"},
           Case{R"(,"trust":{"never_distrust":["2001:db8::/63"]})", "never_distrust 2001:db8::/63"},
           Case{R"(,"trust":{"allow":[{"sources":["192.0.2.0/27"]}]})",
                "trust.allow 192.0.2.0/27: wider than /28; whoever scans from there is"},
           Case{R"(,"trust":{"allow":[{"sources":["2001:db8::/63","192.0.2.0/28"],
                                       "to":[{"tcp":[80]}]}]})",
                "trust.allow 2001:db8::/63: wider than /64; whoever scans what it is allowed to"},
           Case{R"(,"trust":{"escalate":{"ipv4":[28,20]}})",
                "trust.escalate.ipv4 /20: 16 scanners distrust 4096 addresses"},
           Case{R"(,"trust":{"escalate":{"ipv6":[56,40]}})", "trust.escalate.ipv6 /40: wider"},
           Case{R"(,"trust":{"partial":[]})", "trust.partial"},
           Case{R"(,"trust":{"ipv4_prefix":23})", "trust.ipv4_prefix 23: one scanner"},
           Case{R"(,"trust":{"ipv6_prefix":65})", "trust.ipv6_prefix 65"},
           Case{R"(,"trust":{"ipv6_prefix":47})", "trust.ipv6_prefix 47"},
           Case{R"(,"probability":{"drop":0})", "\"admit\" has no effect"},
           Case{R"(,"probability":{"drop":1})", "only repeats get in"},
           Case{R"(,"probability":{"drop":1,"retransmission":"hold"})", "nobody gets in"},
           Case{R"(,"reply":{"udp":"unreachable"})", "reply.udp"},
           Case{R"(,"reply":{"surface":"sparse"})", "reply.surface \"sparse\" with trust.evidence"},
           Case{R"(,"reply":{"surface":"sparse","decoys":{"elsewhere":0.01}},
                     "trust":{"evidence":"weighted"})",
                "more than a host offers"},
           Case{R"(,"reply":{"surface":"sparse","decoys":{"share":0.01,"elsewhere":0}},
                     "trust":{"evidence":"weighted"})",
                "reply.decoys: about 0.2 at each address"},
           Case{R"(,"reply":{"voices":[{"ports":[25],"greeting":"554 no mail here\r\n"}]})",
                "reply.voices 554 no mail here"},
           Case{R"(,"timeouts":{"established":"2h"})", "timeouts.established 2h"},
           Case{R"(,"learn":{"for":"7d","ports":["1-65535"]})", "learn.ports: 65535 ports; while"},
           Case{R"(,"learn":{"for":"32d","ports":[443]})", "learn.for 32d: as long as it lasts"},
           Case{R"(,"learn":{"for":"7d","ports":[443],"share":0})", "learn.share 0: nobody"},
           Case{R"(,"learn":{"for":"7d","ports":[443],"prefixes":1})", "learn.prefixes 1: one"},
           Case{R"(,"learn":{"for":"7d","ports":[443]},"state":{"save_every":"0s"})",
                "learn with state.save_every \"0s\": what is learned ends"},
           Case{R"(,"import":[{"file":"/x","every":"2h","expire":"2h"}])",
                "import /x: looked at every 2h, but what a scan found expires 2h after it began"},
           Case{R"(,"http":{"listen":"192.0.2.1:80"})", "http.listen 192.0.2.1:80: whoever"},
           Case{R"(,"http":{"listen":"0.0.0.0:80"})", "http.listen 0.0.0.0:80: whoever"},
           Case{R"(,"http":{"listen":"[2001:db8::1]:80"})",
                "http.listen [2001:db8::1]:80: whoever"},
           Case{R"(,"http":{"names":["box"]})", "http.names: without http.listen"},
       }) {
    CAPTURE(c.json);
    const Policy p = parsed(sound + c.json);
    CHECK(warnings(p).size() == 1);
    CHECK(warned(p, c.warning));
  }

  const Policy bare = parsed();
  REQUIRE(warned(bare, "services: none"));
  REQUIRE_FALSE(warned(parsed(R"(,"import":[{"file":"/x"}])"), "services: none"));
  REQUIRE_FALSE(warned(parsed(R"(,"learn":{"for":"7d","ports":[443]})"), "services: none"));
  REQUIRE(warned(bare, "gateways: none for IPv4"));
  REQUIRE(warned(bare, "gateways: none for IPv6"));
  REQUIRE(warned(bare, "neighbours.answer_dark: empty"));
  REQUIRE(warnings(bare).size() == 4);
  REQUIRE(warned(parsed(R"(,"services":[{"address":"203.0.113.9","echo":true}])"),
                 "service 203.0.113.9: echo"));
  REQUIRE(warned(parsed(R"(,"neighbours":{"answer_dark":["203.0.113.0/28"],
                            "dhcp_ranges":["203.0.113.16-203.0.113.20"]})"),
                 "dhcp_ranges 203.0.113.16-203.0.113.20"));
  REQUIRE(warned(parse_policy(R"({"protected":["0.0.0.0/0"]})", "p"), "protected 0.0.0.0/0"));
  REQUIRE(warned(parse_policy(R"({"protected":["::/0"]})", "p"), "protected ::/0"));
  REQUIRE(warned(parse_policy(R"({"protected":["224.0.0.0/8"]})", "p"), "multicast"));
  REQUIRE_FALSE(warned(parse_policy(R"({"protected":["10.0.0.0/8"]})", "p"), "IPv6"));
}
