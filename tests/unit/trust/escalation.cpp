// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>
#include <vector>

#include "sources.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr Time kStart = hours(5);
constexpr auto kProof = Policy::Evidence::proof;

/// A /64 of 2001:db8:5::/48: the `net`-th /56, the `n`-th /64 of that.
Address six(unsigned net, unsigned n, unsigned site = 5) {
  Address a = from_text("2001:db8::7");
  a.bytes[5] = static_cast<std::uint8_t>(site);
  a.bytes[6] = static_cast<std::uint8_t>(net);
  a.bytes[7] = static_cast<std::uint8_t>(n);
  return a;
}

void prove(Trust& t, unsigned net, unsigned count, Time now = kStart) {
  for (unsigned n = 0; n < count; ++n) t.proven(six(net, n), target(n), now);
}

struct Told : TrustSink {
  void tell(const TrustEvent& event) override { events.push_back(event); }
  std::vector<TrustEvent> events;
};

}  // namespace

TEST_CASE("Four proven /64 distrust their /56, sixteen the /48") {
  Trust t(trust_policy(kProof), kTrustSecrets, 1024, "trust");
  Told told;
  t.report_to(&told);
  prove(t, 0, 3);
  CHECK(t.level(six(0, 200), kStart).number == 0);
  prove(t, 0, 4);
  const TrustLevel of56 = t.level(six(0, 200), kStart);
  CHECK(of56.number == 1);
  CHECK(of56.proven);
  CHECK(to_string(of56.on) == "2001:db8:5::/56");
  CHECK(of56.members == 4);
  CHECK(of56.needed == 4);
  CHECK(of56.until == kStart + minutes(10));
  CHECK(t.level(six(1, 0), kStart).number == 0);
  for (unsigned net = 1; net < 4; ++net) prove(t, net, 4);
  const TrustLevel of48 = t.level(six(77, 0), kStart);
  CHECK(of48.number == 1);
  CHECK(to_string(of48.on) == "2001:db8:5::/48");
  CHECK(of48.members == 16);
  CHECK(of48.needed == 16);
  CHECK(t.judge(six(77, 1), target(9), kStart) == Decision::divert);
  // The widest of what weighs the same.
  CHECK(to_string(t.level(six(0, 0), kStart).on) == "2001:db8:5::/48");
  CHECK(t.level(six(0, 0, 6), kStart).number == 0);
  CHECK(t.counters().escalations == 5);
  REQUIRE(told.events.size() == 4);
  CHECK(told.events[0].kind == TrustEvent::Kind::escalated);
  CHECK(to_string(told.events[0].on) == "2001:db8:5::/56");
  CHECK(told.events[0].source == six(0, 3));
  CHECK(told.events[0].count == 4);
  CHECK(to_string(told.events[3].on) == "2001:db8:5::/48");
  CHECK(told.events[3].count == 16);
}

TEST_CASE("A /48 is distrusted however its sources are spread") {
  // So many /64 of each /56 in turn: he stays below what a /56 needs.
  const unsigned each = GENERATE(1U, 2U, 3U);
  Trust t(trust_policy(kProof), kTrustSecrets, 1024, "trust");
  unsigned passed = 0;
  for (unsigned i = 0; i < 600; ++i) {
    const Address source = six(i / each % 256, i % each);
    passed += t.judge(source, target(i), kStart + i * seconds(1)) == Decision::pass;
    t.proven(source, target(i), kStart + i * seconds(1));
  }
  CHECK(passed == 16);
  CHECK(to_string(t.level(six(200, 9), kStart + minutes(10)).on) == "2001:db8:5::/48");
}

TEST_CASE("One busy /56 does not burn the /48") {
  Trust t(trust_policy(kProof), kTrustSecrets, 1024, "trust");
  for (unsigned round = 0; round < 20; ++round) {
    const Time now = kStart + round * minutes(1);
    for (unsigned n = 0; n < 12; ++n)  // by hand: its own distrust diverts no evidence then
      t.distrust(six(0, round * 12 + n), now + minutes(10), now);
  }
  const Time now = kStart + minutes(20);
  CHECK(t.level(six(0, 255), now).number == 1);
  CHECK(t.level(six(1, 0), now).number == 0);
  std::array<TrustLevel, Trust::kGrounds> all;
  REQUIRE(t.grounds(six(1, 0), now, all) == 1);
  CHECK(all[0].members == 4);
  // With three more that are not, it takes twelve of them.
  for (unsigned n = 0; n < 12; ++n) {
    CHECK(t.level(six(200, 0), now).number == 0);
    t.proven(six(1 + n % 3, n), target(n), now);
  }
  CHECK(t.level(six(200, 0), now).number == 1);
}

TEST_CASE("A count that sixteen is no multiple of still takes as many prefixes") {
  const unsigned count = GENERATE(2U, 3U, 5U, 7U, 8U);
  Policy p = trust_policy(kProof);
  p.trust.escalate.count = count;
  Trust t(p, kTrustSecrets, 1024, "trust");
  for (unsigned net = 0; net < count - 1; ++net)
    for (unsigned n = 0; n < 16; ++n)
      t.distrust(six(net, n), kStart + minutes(10), kStart + n * nanoseconds(1));
  CHECK(t.level(six(0, 99), kStart).number == 1);
  CHECK(t.level(six(99, 0), kStart).number == 0);
  for (unsigned net = count - 1; net < 16; ++net)
    for (unsigned n = 0; n < 16; ++n) t.distrust(six(net, n), kStart + minutes(10), kStart);
  CHECK(t.level(six(99, 0), kStart).number == 1);
}

TEST_CASE("The same source again, or one that its prefix diverts, is no further member") {
  Trust t(trust_policy(kProof), kTrustSecrets, 1024, "trust");
  for (int i = 0; i < 9; ++i) t.proven(six(0, 0), target(0), kStart + i * minutes(41));
  CHECK(t.escalation().distrusted() == 0);
  prove(t, 1, 256);
  CHECK(t.counters().proven == 9 + 4);
}

TEST_CASE("What is not proven never escalates") {
  const auto evidence = GENERATE(Policy::Evidence::weighted, Policy::Evidence::attempt);
  Trust t(trust_policy(evidence), kTrustSecrets, 1024, "trust");
  for (unsigned round = 0; round < 20; ++round)
    for (unsigned n = 0; n < 256; ++n)
      t.illegitimate(six(n % 8, n), target(n), kStart + round * minutes(1));
  CHECK(t.escalation().size() == 0);
  CHECK(t.level(six(0, 1), kStart + minutes(20)).number == 0);
}

TEST_CASE("A prefix is distrusted as much as its fourth source") {
  Trust t(trust_policy(kProof), kTrustSecrets, 1024, "trust");
  for (unsigned n = 0; n < 4; ++n) t.proven(six(0, n), target(n), kStart + n * minutes(1));
  const Address fresh = six(0, 200);
  const double shares[] = {1, 0.75, 0.5, 0.25, 0};
  for (unsigned i = 0; i < 5; ++i) {
    const Time now = kStart + i * minutes(10) + minutes(5);
    CAPTURE(i);
    CHECK(t.level(fresh, now).number == (i < 4 ? i + 1 : 0));
    CHECK(t.level(fresh, now).divert == shares[i]);
    CHECK(diverted_share(t, fresh, 100'000, now) ==
          Approx(shares[i]).margin(i == 0 || i == 4 ? 0 : 0.01));
  }
  // Its own later start weighs more.
  CHECK(t.level(six(0, 3), kStart + minutes(12)).number == 1);
  CHECK(t.level(six(0, 3), kStart + minutes(12)).members == 0);
  CHECK(to_string(t.level(six(0, 3), kStart + minutes(12)).on) == "2001:db8:5:3::/64");
  // One more makes the second the fourth of those proven latest.
  const Time partial = kStart + minutes(25);
  for (std::uint32_t i = 0; t.counters().proven == 4; ++i) t.proven(six(0, 9), target(i), partial);
  CHECK(t.level(fresh, partial).since == kStart + minutes(1) + minutes(20));
}

TEST_CASE("Another member of the prefix buys no other draw") {
  Trust t(trust_policy(kProof), kTrustSecrets, 1024, "trust");
  prove(t, 0, 4);
  const Time half = kStart + minutes(25);
  for (std::uint32_t i = 0; i < 200; ++i) {
    const Decision first = t.judge(six(0, 4), target(i), half);
    for (unsigned n = 5; n < 256; n += 50) REQUIRE(t.judge(six(0, n), target(i), half) == first);
  }
}

TEST_CASE("Whose own distrust is over is no member any more") {
  Trust t(trust_policy(kProof), kTrustSecrets, 1024, "trust");
  Told told;
  t.report_to(&told);
  for (unsigned n = 0; n < 8; ++n) {
    const Time now = kStart + n * minutes(35);  // each outlasts the next by five minutes
    t.proven(six(0, n), target(n), now);
    CHECK(t.escalation().distrusted() == 0);
    std::array<TrustLevel, Trust::kGrounds> all;
    CHECK(t.grounds(six(0, 200), now, all) == 2);
    CHECK(all[0].members == (n == 0 ? 1 : 2));
    CHECK(all[1].members == all[0].members);
  }
  CHECK(t.counters().escalations == 0);
  CHECK(told.events.empty());
  // Four at once do, and once more when they have decayed.
  for (unsigned round = 0; round < 2; ++round) {
    prove(t, 1, 4, kStart + hours(9 + round));
    CHECK(t.counters().escalations == 1 + round);
    CHECK(told.events.size() == 1 + round);
  }
  std::array<TrustLevel, Trust::kGrounds> all;
  CHECK(t.grounds(six(1, 200), kStart + hours(11), all) == 0);
}

TEST_CASE("A /48 is distrusted whatever is known of the /56") {
  Trust t(trust_policy(kProof), kTrustSecrets, 1024, "trust");
  for (unsigned net = 0; net < 4; ++net) prove(t, net, 4);
  std::array<TrustLevel, Trust::kGrounds> all;
  CHECK(t.grounds(six(9, 0), kStart, all) == 1);
  REQUIRE(t.grounds(six(0, 0), kStart, all) == 3);
  CHECK(to_string(all[0].on) == "2001:db8:5::/64");
  CHECK(to_string(all[1].on) == "2001:db8:5::/56");
  CHECK(to_string(all[2].on) == "2001:db8:5::/48");
  CHECK(t.level(six(9, 0), kStart).number == 1);
}

TEST_CASE("A filled-up prefix escalates and exempts nobody") {
  Policy p = trust_policy(kProof);
  const bool escalates = GENERATE(true, false);
  if (!escalates) p.trust.escalate.ipv6.clear();
  Trust t(p, kTrustSecrets, 4096, "trust");
  // Distrusted before a /48 with 65536 sources tries to push them out.
  for (std::uint32_t i = 0; i < 100; ++i) t.proven(outside(i), target(i), kStart);
  std::uint32_t passed = 0;
  for (unsigned n = 0; n < 65536; ++n) {
    const Time now = kStart + seconds(1) + n * std::chrono::milliseconds(1);
    const Address source = six(n >> 8U, n & 255U);
    passed += t.judge(source, target(n), now) == Decision::pass;
    t.proven(source, target(n), now);
  }
  std::uint32_t left = 0;
  for (std::uint32_t i = 0; i < 100; ++i)
    left += t.level(outside(i), kStart + minutes(2)).number == 1;
  if (escalates) {
    CHECK(passed == 16);
    CHECK(t.proven_sources() == 116);
    CHECK(left == 100);
    CHECK(t.counters().source_evictions == 0);
  } else {
    CHECK(passed == 65536);
    CHECK(left == 0);
    CHECK(t.counters().source_evictions == 65536 + 100 - 4096);
  }
}

TEST_CASE("Prefixes are forgotten with their members, and make room when they must") {
  Trust t(trust_policy(kProof), kTrustSecrets, 64, "trust");  // room for 4 prefixes
  prove(t, 0, 4);
  for (unsigned net = 1; net < 3; ++net) t.proven(six(net, 0), target(0), kStart + seconds(1));
  CHECK(t.escalation().size() == 4);  // the /48 among them
  CHECK(t.counters().prefix_evictions == 0);
  for (unsigned net = 3; net < 7; ++net) t.proven(six(net, 0), target(0), kStart + seconds(2));
  CHECK(t.escalation().size() == 4);
  CHECK(t.counters().prefix_evictions == 1);
  CHECK(t.escalation().distrusted() == 0);
  CHECK(t.level(six(0, 9), kStart + seconds(2)).number == 0);
  t.sweep(kStart + seconds(2) + minutes(40) - nanoseconds(1), 1000);
  CHECK(t.escalation().size() == 4);
  t.sweep(kStart + seconds(2) + minutes(40), 3);
  CHECK(t.escalation().size() == 1);
  t.sweep(kStart + seconds(2) + minutes(40), 1000);
  CHECK(t.escalation().size() == 0);
  for (unsigned n = 0; n < 4; ++n) t.proven(six(1, n), target(n), kStart + hours(2));
  CHECK(t.level(six(1, 9), kStart + hours(2)).number == 1);
}

TEST_CASE("IPv4 escalates where the policy says so") {
  Policy p = trust_policy(kProof);
  const auto prove_all = [](Trust& t) {
    for (const char* a : {"198.51.100.1", "198.51.100.2", "198.51.100.17", "198.51.100.18",
                          "198.51.100.33", "198.51.100.34"})
      t.proven(from_text(a), target(0), kStart);
  };
  Trust plain(p, kTrustSecrets, 1024, "plain");
  prove_all(plain);
  CHECK(plain.escalation().size() == 0);
  p.trust.escalate = {{28, 24}, {}, 2};
  Trust t(p, kTrustSecrets, 1024, "trust");
  prove_all(t);
  CHECK(to_string(t.level(from_text("198.51.100.3"), kStart).on) == "198.51.100.0/24");
  CHECK(t.level(from_text("198.51.100.200"), kStart).number == 1);
  CHECK(t.level(from_text("198.51.101.1"), kStart).number == 0);
  CHECK(t.counters().escalations == 3);  // the third /28 was distrusted before
  for (unsigned n = 0; n < 4; ++n) t.proven(six(0, n), target(n), kStart);
  CHECK(t.level(six(0, 9), kStart).number == 0);
}

TEST_CASE("Lengths that are no shorter than a source are nothing") {
  Policy p = trust_policy(kProof);
  p.trust.ipv6_prefix = 56;
  Trust t(p, kTrustSecrets, 1024, "trust");
  for (unsigned net = 0; net < 3; ++net) t.proven(six(net, 0), target(net), kStart);
  CHECK(t.level(six(9, 0), kStart).number == 0);
  t.proven(six(3, 0), target(3), kStart);
  CHECK(to_string(t.level(six(9, 0), kStart).on) == "2001:db8:5::/48");
}
