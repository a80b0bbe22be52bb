// SPDX-License-Identifier: BSD-3-Clause
// What each command gives, of a box whose chain is real.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <set>

#include "../chain/pair.hpp"
#include "control/arguments.hpp"
#include "control/list_connections.hpp"
#include "fake_box.hpp"

namespace mitibox {
RunCommand run_connections, run_distrust, run_explain, run_forgive, run_sources, run_stats,
    run_status;
}

using namespace mitibox;
using namespace mitibox::test;
using Catch::Contains;

namespace {

constexpr const char* kScanner = "198.51.100.7";

/// A SYN that counts against its source, under plain_policy().
void probe(FakeBox& box, const std::string& source, const std::string& target = "203.0.113.77") {
  Probe syn;
  syn.source = source;
  syn.destination = target;
  box.rig.send(Side::outside, syn);
}

/// Completes a forged handshake.
void prove(FakeBox& box, const std::string& source, const std::string& target = "203.0.113.77") {
  Probe syn;
  syn.source = source;
  syn.destination = target;
  const Outcome o = box.rig.send(Side::outside, syn);
  REQUIRE(o.answers.size() == 1);
  Probe ack = syn;
  ack.flags = tcp::kAck;
  ack.sequence = syn.sequence + 1;
  ack.acknowledgement = o.answers[0].sequence() + 1;
  box.rig.send(Side::outside, ack);
}

Policy proof_policy() {
  Policy p = plain_policy();
  p.trust.evidence = Policy::Evidence::proof;
  p.trust.distrusted = Seconds(20);
  p.trust.partial = {{0.5, Seconds(10)}};
  return p;
}

}  // namespace

TEST_CASE("control: arguments", "[control][arguments]") {
  const Json good{{"text", "x"}, {"address", "2001:db8::1"}, {"for", "10m"}, {"n", "7"}, {"m", 8}};
  const Arguments a(good, {"text", "address", "for", "n", "m"});
  CHECK(a.text("text") == "x");
  CHECK(to_string(a.address("address")) == "2001:db8::1");
  CHECK(a.optional_duration("for") == Seconds(600));
  CHECK(a.optional_number("n", {0, 7}) == 7U);
  CHECK(a.optional_number("m", {8, 9}) == 8U);
  CHECK_FALSE(a.optional_address("else"));
  CHECK_FALSE(a.optional_duration("else"));
  CHECK_FALSE(a.optional_number("else", {0, 1}));
  CHECK_THROWS_WITH(Arguments(good, {"text"}), Contains("'address' is unknown"));
  CHECK_THROWS_WITH(a.text("else"), "else is missing");
  CHECK_THROWS_WITH(a.text("m"), "m: found '8', expected text");
  CHECK_THROWS_WITH(a.address("text"), "text: found 'x', expected an IPv4 or IPv6 address");
  CHECK_THROWS_WITH(a.optional_duration("n"), Contains("n: found '7', expected a duration"));
  for (const Json& bad : {Json("-1"), Json(-1), Json("1x"), Json(""), Json(1.5),
                          Json("99999999999999999999"), Json::array(), Json(11), Json()}) {
    CAPTURE(bad);
    const Json given{{"n", bad}};
    CHECK_THROWS_WITH(Arguments(given, {"n"}).optional_number("n", {0, 10}),
                      Contains("expected a number from 0 to 10"));
  }
}

TEST_CASE("control: no command takes what it does not know", "[control][commands]") {
  FakeBox box;
  for (const Command& c : commands()) {
    INFO(c.name);
    CHECK_THROWS_AS(run(c.run, box, {{"adress", kScanner}}), ControlError);
  }
}

TEST_CASE("control: status", "[control][commands]") {
  FakeBox box;
  box.told.version = "1.2.3";
  box.told.policy_file = "/etc/p.json";
  box.told.lcores = {4};
  box.told.ports[0] = {"net0", "02:00:00:00:00:01", true, 10'000};
  box.told.warnings = {"beware"};
  const Json s = run(run_status, box, {}).done;
  CHECK(s["version"] == "1.2.3");
  CHECK(s["policy"] == "/etc/p.json");
  CHECK(s["admission"] == "forward");
  CHECK(s["workers"] == 1);
  CHECK(s["lcores"] == Json::array({4}));
  CHECK(s["ports"][0]["link"] == "up 10000 Mb/s");
  CHECK(s["ports"][1]["link"] == "down");
  CHECK(s["warnings"] == Json::array({"beware"}));
  CHECK(s["tables"][0] ==
        Json{{"table", "connections IPv4"}, {"used", 0}, {"size", 1024}, {"full", "0.0%"}});
}

TEST_CASE("control: stats", "[control][commands]") {
  FakeBox box;
  probe(box, kScanner);
  const Json s = run(run_stats, box, {}).done;
  CHECK(s["counters"]["received_outside"] == 1);
  CHECK(s["reasons"]["answered"] == 1);
  CHECK(s["trust"]["evidence_unproven"] == 1);
}

TEST_CASE("control: explain", "[control][explain]") {
  FakeBox box;
  const auto explain = [&](const Json& more = Json::object()) {
    Json arguments{{"address", kScanner}};
    arguments.update(more);
    return run(run_explain, box, arguments).done;
  };
  SECTION("a stranger") {
    const Json e = explain();
    CHECK(e["source"] == "198.51.100.7/32");
    CHECK(e["level"] == "untrusted");
    CHECK_FALSE(e.contains("since"));
    CHECK_FALSE(e.contains("attempts"));
  }
  SECTION("a scanner") {
    probe(box, kScanner);
    Json e = explain();
    CHECK(e["level"] == "distrusted");
    CHECK(e["left_s"] == 600);
    CHECK_THAT(e["evidence"].get<std::string>(), Contains("unproven"));
    prove(box, kScanner);
    e = explain({{"port", "443"}, {"to", "203.0.113.10"}});
    REQUIRE(e["attempts"].size() == 1);
    CHECK_THAT(e["attempts"][0]["why"].get<std::string>(), Contains("distrusted in full"));
    CHECK(e["attempts"][0]["evidence"] == "-");
  }
  SECTION("a port alone: its services, and one address that is none") {
    const Json a = explain({{"port", "443"}})["attempts"];
    REQUIRE(a.size() == 2);
    CHECK(a[0]["destination"] == "203.0.113.10");
    CHECK_THAT(a[0]["why"].get<std::string>(), Contains("legitimate service"));
    CHECK(a[1]["destination"] == "203.0.113.1");
    CHECK_THAT(a[1]["why"].get<std::string>(), Contains("no service"));
    CHECK_THAT(a[1]["evidence"].get<std::string>(), Contains("packet counts"));
    CHECK(explain({{"port", "53/udp"}})["attempts"][0]["service"] == "53/udp");
    CHECK(explain({{"port", "echo"}})["attempts"].size() == 1);
    CHECK(explain({{"port", "25"}})["attempts"][0]["first"] == "-");
  }
  SECTION("refused") {
    for (const char* port : {"0", "65536", "x", "80/sctp", "", "8 0", "/udp"})
      CHECK_THROWS_WITH(explain({{"port", port}}), Contains("port: found"));
    CHECK_THROWS_WITH(explain({{"to", "203.0.113.10"}}), Contains("goes with a port"));
    CHECK_THROWS_WITH(explain({{"port", "80"}, {"to", "2001:db8::1"}}), Contains("family"));
    CHECK_THROWS_WITH(run(run_explain, box, Json::object()), "address is missing");
    box.stands_still = true;
    CHECK_THROWS_AS(explain(), ControlError);
  }
}

TEST_CASE("control: sources, most distrusted first", "[control][sources]") {
  FakeBox box(proof_policy());
  std::vector<std::string> all;
  for (int i = 1; i <= 20; ++i) {
    all.insert(all.begin(), fmt::format("198.51.100.{}/32", i));
    prove(box, fmt::format("198.51.100.{}", i));
    box.rig.wait(std::chrono::milliseconds(10));
  }
  Answer a = run(run_sources, box, {});
  std::vector<std::string> shown;
  for (const Json& row : a.rows) shown.push_back(row["source"]);
  CHECK(shown == all);
  CHECK(a.rows[0]["level"] == "distrusted");
  CHECK(a.rows[0]["left_s"] == 20);
  CHECK(a.done == Json{{"shown", 20}, {"proven", 20}, {"more", false}});
  a = run(run_sources, box, {{"limit", 3}});
  REQUIRE(a.rows.size() == 3);
  CHECK(a.rows[2]["source"] == all[2]);
  CHECK(a.done == Json{{"shown", 3}, {"proven", 20}, {"more", true}});
  CHECK_THROWS_AS(run(run_sources, box, {{"limit", 0}}), ControlError);
}

TEST_CASE("control: distrust and forgive by hand", "[control][by_hand]") {
  Policy policy = proof_policy();
  policy.trust.never_distrust = {parse_prefix("198.51.100.64/28").value()};
  FakeBox box(policy);
  const auto level = [&] { return box.rig.level(kScanner).number; };
  SECTION("for as long as the policy says") {
    const Json d = run(run_distrust, box, {{"address", kScanner}}).done;
    CHECK(d["source"] == "198.51.100.7/32");
    CHECK(d["distrusted_for_s"] == 20);
    CHECK(level() == 1);
    box.rig.wait(std::chrono::seconds(20));
    CHECK(level() == 2);
  }
  SECTION("for less, and for more") {
    const bool more = GENERATE(false, true);
    run(run_distrust, box, {{"address", kScanner}, {"for", more ? "40s" : "5s"}});
    const TrustLevel l = box.rig.level(kScanner);
    CHECK(l.number == 1);
    CHECK(l.since <= box.rig.now().time);
    box.rig.wait(std::chrono::seconds(more ? 39 : 4));
    CHECK(level() == 1);
    box.rig.wait(std::chrono::seconds(2));
    CHECK(level() == 2);
  }
  SECTION("forgiven") {
    prove(box, kScanner);
    REQUIRE(level() == 1);
    CHECK(run(run_forgive, box, {{"address", kScanner}}).done["forgiven_proven"] == true);
    CHECK(level() == 0);
    CHECK(run(run_forgive, box, {{"address", kScanner}}).done["forgiven_proven"] == false);
    CHECK(run(run_sources, box, {}).rows.empty());
  }
  SECTION("refused") {
    CHECK_THROWS_WITH(run(run_distrust, box, {{"address", "198.51.100.70"}}),
                      Contains("never_distrust"));
    CHECK_THROWS_WITH(run(run_distrust, box, {{"address", "203.0.113.10"}}), Contains("protected"));
    CHECK_THROWS_WITH(run(run_forgive, box, {{"address", "203.0.113.10"}}), Contains("protected"));
    for (const char* length : {"0s", "x", "366d", "10"})
      CHECK_THROWS_WITH(run(run_distrust, box, {{"address", kScanner}, {"for", length}}),
                        Contains("for: "));
    CHECK(level() == 0);
  }
}

TEST_CASE("control: forgiven under weighted evidence", "[control][by_hand]") {
  Policy policy = plain_policy();
  policy.trust.evidence = Policy::Evidence::weighted;
  FakeBox box(policy);
  probe(box, kScanner);
  REQUIRE(box.rig.level(kScanner).number == 1);
  const Json done = run(run_forgive, box, {{"address", kScanner}}).done;
  CHECK(done["forgiven_unproven"] == true);
  CHECK(done["forgiven_proven"] == false);
  CHECK(box.rig.level(kScanner).number == 0);
}

TEST_CASE("control: connections", "[control][connections]") {
  FakeBox box;
  Probe syn;
  for (const bool v6 : {false, true})
    for (std::uint16_t i = 0; i < 100; ++i) {
      syn.source = v6 ? "2001:db8:ffff::7" : fmt::format("198.51.100.{}", i % 4 + 1);
      syn.destination = v6 ? "2001:db8:1::10" : "203.0.113.10";
      syn.source_port = static_cast<std::uint16_t>(40'000 + i);
      REQUIRE(box.rig.send(Side::outside, syn).end == "forward");
    }
  Probe out;  // a datagram from inside
  out.source = "203.0.113.10";
  out.destination = "198.51.100.1";
  out.protocol = protocol::kUdp;
  out.source_port = 5000;
  out.destination_port = 53;
  REQUIRE(box.rig.send(Side::inside, out).end == "forward");
  box.rig.wait(std::chrono::milliseconds(1500));

  const auto list = [&](const Json& arguments) { return run(run_connections, box, arguments); };
  const auto count = [&](const Json& arguments) { return list(arguments).rows.size(); };
  SECTION("all, each once") {
    const Answer a = list({});
    std::set<std::string> different;
    for (const Json& row : a.rows) different.insert(row.dump());
    CHECK(different.size() == 201);
    CHECK(a.done == Json{{"shown", 201}, {"more", false}});
  }
  SECTION("a row") {
    const Answer a = list({{"port", 53}});
    REQUIRE(a.rows.size() == 1);
    CHECK(a.rows[0] == Json{{"protocol", "udp"},
                            {"outside", "198.51.100.1"},
                            {"outside_port", 53},
                            {"inside", "203.0.113.10"},
                            {"inside_port", 5000},
                            {"opened_from", "inside"},
                            {"state", "unanswered"},
                            {"idle_s", 1.5}});
  }
  SECTION("filters") {
    CHECK(count({{"address", "198.51.100.2"}}) == 25);
    CHECK(count({{"address", "203.0.113.10"}}) == 101);
    CHECK(count({{"address", "2001:db8:ffff::7"}}) == 100);
    CHECK(count({{"address", "198.51.100.99"}}) == 0);
    CHECK(count({{"port", "40007"}}) == 2);
    CHECK(count({{"port", "443"}}) == 200);
    CHECK(count({{"state", "syn_sent"}}) == 200);
    CHECK(count({{"state", "unanswered"}}) == 1);
    CHECK(count({{"address", "198.51.100.1"}, {"port", 53}}) == 1);
    CHECK_THROWS_WITH(count({{"state", "open"}}), Contains("expected syn_sent"));
    CHECK_THROWS_WITH(count({{"port", 70000}}), Contains("port"));
  }
  SECTION("limits") {
    for (const unsigned limit : {1U, 32U, 33U, 200U}) {
      const Answer a = list({{"limit", limit}});
      CHECK(a.rows.size() == limit);
      CHECK(a.done["more"] == true);
    }
    CHECK(list({{"limit", 201}}).done["more"] == false);
  }
  SECTION("in small pieces") {
    box.asked = 0;
    list({});
    CHECK(box.asked >= 7);
  }
}

TEST_CASE("control: the states that connections is asked for are those it shows",
          "[control][connections]") {
  Connection c;
  c.protocol = protocol::kTcp;
  for (std::size_t i = 0; i < kTcpStates; ++i) {
    c.state = static_cast<TcpState>(i);
    CHECK(is_connection_state(connection_state(c)));
  }
  c.covered = true;
  CHECK(connection_state(c) == "calling");
  c.covered = false;
  c.provisional = true;
  CHECK(connection_state(c) == "provisional");
  CHECK_FALSE(is_connection_state("open"));
}
