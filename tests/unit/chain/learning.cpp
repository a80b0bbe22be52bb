// SPDX-License-Identifier: BSD-3-Clause
// While services are learned: who reaches a host that no policy lists, who teaches, who pays.
#include "chain/learning.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "chain/orders.hpp"
#include "pair.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t kUnlisted = 8080;  ///< a port of the web server's that no policy lists

Policy learning_policy() {
  Policy p = handshake_policy();
  p.learn.length = std::chrono::hours(24);
  p.learn.ports = {{80, 80}, {8000, 8100}};
  p.learn.share = 1;
  return p;
}

void learn(Rig& rig, const Policy& policy = learning_policy(), bool lasts = true) {
  Orders orders(policy);
  orders.learning = Learning(policy.learn, lasts);
  rig.chain->obey(orders, rig.now());
}

std::vector<Finding> findings(Rig& rig) {
  std::vector<Finding> out(64);
  out.resize(rig.findings.take(out));
  return out;
}

/// A client at the unlisted port, of a box that learns.
struct Guess : Pair {
  explicit Guess(std::uint16_t port = kUnlisted, bool v6 = false,
                 const Policy& policy = learning_policy())
      : Pair(policy) {
    address(v6, port);
    learn(rig, policy);
  }
  [[nodiscard]] unsigned level() const { return rig.level(client.source).number; }
  [[nodiscard]] const Trials::Counters& counters() const { return rig.chain->trials().counters; }
};

}  // namespace

TEST_CASE("learning: who answers a stranger is told, and the stranger is served", "[learning]") {
  Guess t(kUnlisted, GENERATE(false, true));
  t.greet();
  REQUIRE(t.prove().passed.size() == 1);
  CHECK(findings(t.rig).empty());
  CHECK(t.pick_up().end == "host-answered");
  const auto found = findings(t.rig);
  REQUIRE(found.size() == 1);
  CHECK(to_string(found[0].destination.address) == t.client.destination);
  CHECK(found[0].destination.port == kUnlisted);
  CHECK(found[0].destination.protocol == protocol::kTcp);
  CHECK(to_string(found[0].source) == t.client.source);
  CHECK(t.from_client(PA, kClient + 1, t.cookie + 1, "GET /").passed.size() == 1);
  CHECK(t.level() == 0);
  CHECK(t.counters().begun.get() == 1);
  CHECK(t.counters().answered.get() == 1);
  CHECK(t.rig.chain->splices().refused == 0);
}

TEST_CASE("learning: a wrong guess costs a source, and the conversation goes on", "[learning]") {
  Guess t;
  t.greet();
  REQUIRE(t.prove("GET ").passed.size() == 1);
  CHECK(t.level() == 0);
  SECTION("the host refuses") {
    CHECK(t.from_host(tcp::kRst | tcp::kAck, 0, kClient + 1).end == "host-refused");
    CHECK(t.counters().refused.get() == 1);
  }
  SECTION("the host is mute") {
    for (int i = 0; i < 60; ++i) t.rig.wait(100ms);
    CHECK(t.counters().mute.get() == 1);
  }
  SECTION("the client does not wait") {
    t.from_client(tcp::kRst, kClient + 5, t.cookie + 1);
    CHECK(t.counters().abandoned.get() == 1);
    CHECK(t.level() == 1);
    return;
  }
  CHECK(t.level() == 1);
  CHECK(findings(t.rig).empty());
  const Outcome o = t.from_client(PA, kClient + 5, t.cookie + 1, "/");
  CHECK(o.passed.empty());
  REQUIRE(o.answers.size() == 1);
  CHECK(o.answers[0].acknowledgement() == kClient + 6);
  CHECK(t.rig.chain->splices().refused == 0);
  CHECK(t.rig.chain->splices().mute == 0);

  // From now on it teaches nobody.
  t.rig.events();
  t.client.source_port = t.host.destination_port = 40001;
  t.greet();
  CHECK(t.prove().passed.empty());
}

TEST_CASE("learning: as without it where nothing is to be learned", "[learning]") {
  const auto calls = [](Guess& t) {
    t.greet();
    return !t.prove().passed.empty();
  };
  SECTION("a port that is not listed") {
    Guess t(81);
    CHECK_FALSE(calls(t));
    CHECK(t.level() == 1);
  }
  SECTION("the period is over") {
    Guess t;
    learn(t.rig, learning_policy(), false);
    CHECK_FALSE(calls(t));
    CHECK(t.level() == 1);
  }
  SECTION("the draw says no") {
    Policy p = learning_policy();
    p.learn.share = 0;
    Guess t(kUnlisted, false, p);
    CHECK_FALSE(calls(t));
    CHECK(t.level() == 1);
  }
  SECTION("a distrusted source") {
    Guess t;
    t.rig.chain->trust().distrust(parse_address(t.client.source).value(), t.rig.now().time + 10min,
                                  t.rig.now().time);
    CHECK_FALSE(calls(t));
  }
  SECTION("a partially distrusted source") {
    Policy p = learning_policy();
    p.trust.partial = {{0.5, Seconds(600)}};
    Guess t(kUnlisted, false, p);
    t.rig.chain->trust().distrust(parse_address(t.client.source).value(), t.rig.now().time + 1s,
                                  t.rig.now().time);
    t.rig.wait(2s);
    REQUIRE(t.level() == 2);
    CHECK_FALSE(calls(t));
  }
  SECTION("an allowed source") {
    Policy p = learning_policy();
    p.trust.allow = {{{*parse_prefix("198.51.100.7")},
                      {{*parse_prefix("203.0.113.25"), {}, {}}}}};  // anywhere makes no teacher
    Guess t(kUnlisted, false, p);
    CHECK_FALSE(calls(t));
  }
  SECTION("a source that is never distrusted") {
    Policy p = learning_policy();
    p.trust.never_distrust = {*parse_prefix("198.51.100.0/28")};
    Guess t(kUnlisted, false, p);
    CHECK_FALSE(calls(t));
  }
}

TEST_CASE("learning: a source guesses at one destination at a time", "[learning]") {
  Guess t;
  t.greet();
  REQUIRE(t.prove().passed.size() == 1);
  // The same once more, as a browser does.
  t.client.source_port = t.host.destination_port = 40001;
  t.greet();
  CHECK(t.prove().passed.size() == 1);
  CHECK(t.level() == 0);
  // Another, before the answer.
  t.client.source_port = t.host.destination_port = 40002;
  t.client.destination_port = t.host.source_port = kUnlisted + 1;
  t.greet();
  CHECK(t.prove().passed.empty());
  CHECK(t.level() == 1);
}

TEST_CASE("learning: forged addresses teach nothing", "[learning]") {
  Guess t;
  t.greet();
  CHECK(t.from_client(A, kClient + 1, t.cookie + 2).passed.empty());
  CHECK(t.from_client(A, kClient + 1, 12345).passed.empty());
  CHECK(t.counters().begun.get() == 0);
  CHECK(t.level() == 0);
}

TEST_CASE("learning: UDP is not learned", "[learning]") {
  Guess t;
  Probe p;
  p.protocol = protocol::kUdp;
  p.destination = "203.0.113.10";
  p.destination_port = kUnlisted;
  CHECK(t.rig.send(Side::outside, p).passed.empty());
  CHECK(t.counters().begun.get() == 0);
}

TEST_CASE("learning: the draw is one for a network and a destination", "[learning]") {
  Policy p = learning_policy();
  p.learn.share = 0.5;
  Guess t(kUnlisted, false, p);
  unsigned tried = 0;
  std::uint16_t port = 41000;
  const auto calls = [&](const std::string& source) {
    t.client.source = t.host.destination = source;
    t.client.source_port = t.host.destination_port = ++port;
    t.greet();
    const bool called = !t.prove().passed.empty();
    if (called) {
      CHECK(t.pick_up().end == "host-answered");
    } else {
      t.rig.chain->trust().forgive(parse_address(source).value());
    }
    return called;
  };
  for (int network = 0; network < 64; ++network) {
    const bool called = calls(fmt::format("198.18.{}.1", network));
    CHECK(calls(fmt::format("198.18.{}.1", network)) == called);
    CHECK(calls(fmt::format("198.18.{}.200", network)) == called);
    tried += called ? 1 : 0;
  }
  CHECK(tried > 16);
  CHECK(tried < 48);
}

TEST_CASE("learning: what is told beyond the ring is counted", "[learning]") {
  Findings ring;
  Finding f;
  for (std::size_t i = 0; i < Findings::kRing + 3; ++i) {
    f.destination.port = static_cast<std::uint16_t>(i);
    ring.tell(f);
  }
  CHECK(ring.lost().get() == 3);
  std::vector<Finding> out(Findings::kRing + 1);
  CHECK(ring.take(std::span(out).first(10)) == 10);
  CHECK(out[9].destination.port == 9);
  CHECK(ring.take(out) == Findings::kRing - 10);
  CHECK(out[0].destination.port == 10);
  CHECK(ring.take(out) == 0);
  ring.tell(f);
  CHECK(ring.take(out) == 1);
}

TEST_CASE("learning: waiting for hosts is bounded", "[learning]") {
  Trials trials;
  const Destination to{parse_address("203.0.113.10").value(), 80, protocol::kTcp};
  for (std::uint64_t i = 0; i < Trials::kMost; ++i) CHECK(trials.begin(Source{i, 1}, to));
  CHECK_FALSE(trials.begin(Source{Trials::kMost, 1}, to));
  CHECK(trials.begin(Source{0, 1}, to));
  trials.end(Source{0, 1});
  CHECK_FALSE(trials.begin(Source{Trials::kMost, 1}, to));
  trials.end(Source{0, 1});
  CHECK(trials.begin(Source{Trials::kMost, 1}, to));
}
