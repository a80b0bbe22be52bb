// SPDX-License-Identifier: BSD-3-Clause
#include "shard/fact_rings.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "../chain/rig.hpp"
#include "../port/lan.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

struct Learner {
  void learn(const Fact& fact, Now now) {
    learned.push_back(fact);
    last = now;
  }
  std::vector<Fact> learned;
  Now last;
};

Fact numbered(std::uint32_t i) {
  return Fact::about(Fact::Kind::outside, Address(be32(i)), i);
}

/// Takes every frame.
struct Nowhere : Wire {
  std::uint16_t send(Side /*to*/, rte_mbuf** frames, std::uint16_t count) override {
    rte_pktmbuf_free_bulk(frames, count);
    return count;
  }
};

}  // namespace

TEST_CASE("fact rings: everyone but the teller hears", "[shard][facts]") {
  FactRings rings("everyone", 3);
  Fact fact = numbered(7);
  fact.kind = Fact::Kind::host;
  fact.neighbour = true;
  fact.mac = {{2, 0, 0, 0, 0, 9}};
  fact.tags.count = 1;
  fact.tags.bytes[3] = 42;
  rings.sink(1).tell(fact);
  std::vector<Learner> learners(3);
  for (unsigned i = 0; i < 3; ++i) rings.drain(i, learners[i], Now(5s), 32);
  CHECK(learners[1].learned.empty());
  for (const std::size_t i : {0U, 2U}) {
    REQUIRE(learners[i].learned.size() == 1);
    const Fact& heard = learners[i].learned[0];
    CHECK(heard.kind == Fact::Kind::host);
    CHECK(heard.neighbour);
    CHECK(heard.address == fact.address);
    CHECK(heard.mac == fact.mac);
    CHECK(heard.tags.count == 1);
    CHECK(heard.tags.bytes == fact.tags.bytes);
    CHECK(heard.seen == 7);
    CHECK(learners[i].last.tick == 5000);
  }
  CHECK(rings.drain(0, learners[0], Now(6s), 32) == 0);
}

TEST_CASE("fact rings: one worker tells nobody", "[shard][facts]") {
  FactRings rings("alone", 1);
  rings.sink(0).tell(numbered(1));
  Learner learner;
  CHECK(rings.drain(0, learner, Now(1s), 32) == 0);
  CHECK(rings.lost(0).get() == 0);
}

TEST_CASE("fact rings: what does not fit is counted, the rest arrives in order", "[shard][facts]") {
  FactRings rings("full", 3, 100);
  for (std::uint32_t i = 0; i < 130; ++i) rings.sink(0).tell(numbered(i));
  CHECK(rings.lost(0).get() == 2 * 30);
  CHECK(rings.lost(1).get() == 0);
  Learner learner;
  // A bounded piece a poll.
  CHECK(rings.drain(1, learner, Now(1s), 20) == 20);
  CHECK(rings.drain(1, learner, Now(1s), 1) == 1);
  CHECK(rings.drain(1, learner, Now(1s), 1000) == 79);
  CHECK(rings.drain(1, learner, Now(1s), 0) == 0);
  REQUIRE(learner.learned.size() == 100);
  for (std::uint32_t i = 0; i < 100; ++i) CHECK(learner.learned[i].seen == i);
  // There is room again.
  rings.sink(0).tell(numbered(7));
  CHECK(rings.lost(0).get() == 2 * 30 + 1);
  CHECK(rings.drain(1, learner, Now(1s), 32) == 1);
}

TEST_CASE("fact rings: tellers at the same time lose nothing uncounted", "[shard][facts]") {
  constexpr unsigned kTellers = 3;
  constexpr std::uint32_t kEach = 20'000;
  FactRings rings("many", kTellers + 1, 64);
  std::atomic<unsigned> running = kTellers;
  std::vector<std::thread> tellers;
  for (unsigned t = 1; t <= kTellers; ++t)
    tellers.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < kEach; ++i) rings.sink(t).tell(numbered(t << 24U | i));
      --running;
    });
  Learner learner;
  while (running > 0) rings.drain(0, learner, Now(1s), 32);
  for (std::thread& t : tellers) t.join();
  while (rings.drain(0, learner, Now(1s), 32) > 0) {
  }
  std::vector<std::uint32_t> last(kTellers + 1, 0);
  std::size_t disorder = 0;
  for (const Fact& f : learner.learned) {
    std::uint32_t& before = last[f.seen >> 24U];
    if (f.seen < before || f.address != Address(be32(f.seen))) ++disorder;
    before = f.seen;
  }
  CHECK(disorder == 0);
  // Nobody drains the tellers' own rings: 64 facts fit into each, whoever told them.
  std::uint64_t lost = 0;
  for (unsigned t = 1; t <= kTellers; ++t) lost += rings.lost(t).get();
  const std::uint64_t told = std::uint64_t{kTellers} * kEach;
  CHECK(learner.learned.size() + kTellers * 64 + lost == told * kTellers);
}

TEST_CASE("fact rings: what one chain learns by ARP the other knows", "[shard][facts]") {
  FactRings rings("chains", 2);
  const Policy policy = plain_policy();
  Nowhere wire;
  const auto config = [&](unsigned worker) {
    Chain::Config c{"facts" + std::to_string(worker), 2, Secrets::derive({3, 4}), mac("BOX"),
                    probe_pool()};
    c.facts = &rings.sink(worker);
    c.speaks = worker == 0;
    return c;
  };
  Chain speaker(policy, config(0), wire);
  Chain listener(policy, config(1), wire);
  rte_mbuf* frame = frame_of(arp({"who-has 203.0.113.10 tell 203.0.113.7", "R2>*", ""}));
  speaker.process(Side::outside, {&frame, 1}, Now(1s));
  speaker.transmit().finish();
  CHECK_FALSE(listener.neighbours().is_gateway_mac(mac("R2")));
  CHECK(rings.drain(1, listener, Now(1s), 32) == 2);
  CHECK(listener.neighbours().is_gateway(parse_address("203.0.113.7").value()));
  CHECK(listener.neighbours().is_gateway_mac(mac("R2")));
  CHECK(rings.drain(0, speaker, Now(1s), 32) == 0);
}
