// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "attempts.hpp"
#include "probability/probability.hpp"

using namespace mitibox;
using namespace mitibox::test;
using Outcome = Probability::Outcome;

namespace {

const Secrets kSecrets = Secrets::derive({3, 4});

Policy policy(double drop, Policy::Retransmission retransmission) {
  Policy p;
  p.probability.drop = drop;
  p.probability.retransmission = retransmission;
  return p;
}

Probability holding(double drop = 0.5) {
  return {policy(drop, Policy::Retransmission::hold), kSecrets, 0};
}

bool passes(Probability& p, const Packet& packet, Now now) {
  return p.judge(packet, now) == Outcome::admit;
}

}  // namespace

TEST_CASE("The coin drops its share of attempts, whatever tells them apart") {
  const double drop = GENERATE(0.5, 0.1, 0.9);
  Probability p = holding(drop);
  const std::uint32_t n = 1'000'000;
  std::uint32_t by_isn = 0;
  std::uint32_t by_flow = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    by_isn += !passes(p, syn(7, i), at_ms(0));
    by_flow += !passes(p, syn(i, 7), at_ms(0));
  }
  CHECK(by_isn / double(n) == Approx(drop).margin(0.005));
  CHECK(by_flow / double(n) == Approx(drop).margin(0.005));
}

TEST_CASE("Probabilities 0 and 1 are exact") {
  Probability never = holding(0);
  Probability always = holding(1);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    REQUIRE(passes(never, syn(i, i), at_ms(i)));
    REQUIRE_FALSE(passes(always, syn(i, i), at_ms(i)));
  }
}

TEST_CASE("Shares bind at the ends of the draw's range") {
  CHECK_FALSE(Share(0).takes(0));
  CHECK(Share(1).takes(UINT64_MAX));
  CHECK(Share(0.5).takes((std::uint64_t{1} << 63U) - 1));
  CHECK_FALSE(Share(0.5).takes(std::uint64_t{1} << 63U));
}

TEST_CASE("Successive ISNs of one flow draw independently") {
  Probability p = holding();
  const std::uint32_t n = 1'000'000;
  std::uint32_t equal = 0;
  bool before = passes(p, syn(1, 0), at_ms(0));
  for (std::uint32_t isn = 1; isn <= n; ++isn) {
    const bool now = passes(p, syn(1, isn), at_ms(0));
    equal += now == before;
    before = now;
  }
  CHECK(equal / double(n) == Approx(0.5).margin(0.005));
}

TEST_CASE("Under hold an attempt's packets share one fate for ever") {
  Probability p = holding();
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const Outcome first = p.judge(syn(i, i), at_ms(0));
    for (const std::int64_t ms : {1, 700, 1000, 3000, 7000, 61'000, 86'400'000})
      REQUIRE(p.judge(syn(i, i), at_ms(ms)) == first);
    REQUIRE(first != Outcome::repeat);
  }
}

TEST_CASE("Another master key draws other coins; both families and protocols draw") {
  Probability a = holding();
  Probability b(policy(0.5, Policy::Retransmission::hold), Secrets::derive({5, 6}), 0);
  std::uint32_t equal = 0;
  std::uint32_t six = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    equal += passes(a, syn(i, i), at_ms(0)) == passes(b, syn(i, i), at_ms(0));
    Packet p = opening(protocol::kTcp, {v6(0x20010db8U, i), be16(1)}, {v6(2, 3), be16(443)});
    six += passes(a, p, at_ms(0));
  }
  CHECK(equal / 1e5 == Approx(0.5).margin(0.01));
  CHECK(six / 1e5 == Approx(0.5).margin(0.01));
}

TEST_CASE("A flow without ISN draws once in each epoch of 60 s") {
  Probability p = holding();
  const std::int64_t hour = 3'600'000;
  std::uint32_t changes = 0;
  std::uint32_t in_phase = 0;
  const std::uint32_t flows = 200;
  for (std::uint32_t i = 0; i < flows; ++i) {
    std::int64_t changed = 0;
    bool before = passes(p, datagram(i), at_ms(0));
    for (std::int64_t ms = 100; ms < hour; ms += 100) {
      const bool now = passes(p, datagram(i), at_ms(ms));
      if (now == before) continue;
      if (changed != 0) REQUIRE((ms - changed) % 60'000 == 0);
      changed = ms;
      before = now;
      ++changes;
    }
    in_phase += changed % 60'000 < 6'000;
  }
  // 60 epochs a flow, half of their ends change the verdict; the ends are spread over the minute.
  CHECK(changes / double(flows) == Approx(30).margin(1.5));
  CHECK(in_phase / double(flows) == Approx(0.1).margin(0.08));
}

TEST_CASE("A burst is judged like its packets one by one") {
  const Policy admit = policy(0.5, Policy::Retransmission::admit);
  Probability one(admit, kSecrets, 4096);
  Probability burst(admit, kSecrets, 4096);
  for (std::uint32_t round = 0; round < 200; ++round) {
    std::vector<Packet> packets;
    // Repeats within the burst and of earlier ones.
    for (std::uint32_t i = 0; i < kBurst; ++i) packets.push_back(syn((round / 4) * 16 + i / 2, 9));
    std::vector<const Packet*> pointers;
    for (const Packet& p : packets) pointers.push_back(&p);
    std::vector<Outcome> outcomes(kBurst);
    std::vector<Probability::Draw> draws(kBurst);
    const Now now = at_ms(round * 400);
    burst.draw(pointers, now, draws);
    burst.judge(draws, now, outcomes);
    for (std::size_t i = 0; i < kBurst; ++i) REQUIRE(outcomes[i] == one.judge(packets[i], now));
  }
}
