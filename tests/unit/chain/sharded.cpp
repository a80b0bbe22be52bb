// SPDX-License-Identifier: BSD-3-Clause
// Two workers' chains: whatever a packet needs, it meets at the worker that owns its source.
#include <catch2/catch.hpp>

#include "../scrubber/joiner.hpp"
#include "rig.hpp"
#include "shard/handoff.hpp"
#include "shard/owner.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr unsigned kWorkers = 2;

/// Frees what it takes, and counts it.
struct Sink : Wire {
  std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override {
    sent[index(to)] += count;
    rte_pktmbuf_free_bulk(frames, count);
    return count;
  }
  std::array<std::uint64_t, kSides> sent{};
};

struct Pair {
  explicit Pair(unsigned ring = HandOff::kFrames)
      : rings("pair" + std::to_string(number), kWorkers, ring) {
    for (unsigned i = 0; i < kWorkers; ++i) {
      Chain::Config config{.name = "pair" + std::to_string(number++),
                           .workers = kWorkers,
                           .secrets = secrets,
                           .own_mac = {{2, 0, 0, 0, 0xb0, 0xb0}},
                           .pool = probe_pool()};
      config.speaks = i == 0;
      config.owner = &owner;
      config.self = i;
      config.handoff = &rings;
      chains[i] = std::make_unique<Chain>(policy, config, sinks[i]);
    }
  }
  ~Pair() {
    settle();
    for (const auto& chain : chains) chain->finish();
    std::uint64_t received = 0, over = 0, handed = 0, adopted = 0;
    for (const auto& chain : chains) {
      const Counters& c = chain->counters();
      for (std::size_t s = 0; s < kSides; ++s) {
        received += c.received[s].get();
        over += c.forwarded[s].get() + c.refused[s].get();
        handed += c.handed[s].get();
        adopted += c.adopted[s].get();
      }
      for (const Counter& e : c.ended) over += e.get();
    }
    CHECK(received == over);
    CHECK(handed == adopted);
  }

  /// The frame arrives at this worker, and everything is done that follows from it.
  void arrive(unsigned at, Side from, rte_mbuf* frame) {
    chains[at]->process(from, {&frame, 1}, now);
    settle();
  }
  void settle() {
    for (unsigned i = 0; i < kWorkers; ++i) {
      rings.drain(i, [&](std::uint16_t side, std::span<rte_mbuf* const> frames) {
        chains[i]->adopt(static_cast<Side>(side), frames, now);
      });
      chains[i]->transmit().finish();
    }
  }
  [[nodiscard]] std::uint64_t ended(unsigned at, Reason why) const {
    return chains[at]->counters().ended[index(why)].get();
  }
  [[nodiscard]] unsigned owner_of(const std::string& address) const {
    return owner.of(parse_address(address).value());
  }
  /// A source that this worker owns.
  [[nodiscard]] std::string source_of(unsigned worker) const {
    for (int i = 1;; ++i)
      if (const std::string a = "198.51.100." + std::to_string(i); owner_of(a) == worker) return a;
  }

  static inline int number = 0;
  Policy policy = plain_policy();
  Secrets secrets = Secrets::derive({3, 4});
  Owner owner{policy, secrets, kWorkers};
  HandOff rings;
  std::array<Sink, kWorkers> sinks;
  std::array<std::unique_ptr<Chain>, kWorkers> chains;
  Now now{std::chrono::hours(1)};
};

Probe syn(const std::string& source, const std::string& destination = "203.0.113.10") {
  Probe p;
  p.source = source;
  p.destination = destination;
  return p;
}

Probe back(Probe p, std::uint8_t flags) {
  std::swap(p.source, p.destination);
  std::swap(p.source_port, p.destination_port);
  p.flags = flags;
  p.acknowledgement = p.sequence + 1;
  p.sequence = 77;
  return p;
}

/// An error from `router` to the sender of the first 28 bytes of `quoted`.
rte_mbuf* error_about(const Probe& quoted, const std::string& router) {
  const Frame frame(quoted);
  Probe p;
  p.source = router;
  p.destination = quoted.source;
  p.protocol = protocol::kIcmp;
  p.payload.assign(frame.packet.data() + 14, frame.packet.data() + 14 + 28);
  Craft c(p);
  c.put8(c.l4, icmp4::kUnreachable).put8(c.l4 + 1, icmp4::kCodeFragmentationNeeded);
  c.put16(c.l4 + 4, 0).put16(c.l4 + 6, 1400);
  return c.sum_upper(protocol::kIcmp).frame();
}

}  // namespace

TEST_CASE("sharded: a packet is judged at its owner, wherever it arrives", "[chain][shard]") {
  Pair pair;
  const unsigned owner = GENERATE(0U, 1U);
  const unsigned at = GENERATE(0U, 1U);
  const std::string source = pair.source_of(owner);
  pair.arrive(at, Side::outside, frame_of(syn(source, "203.0.113.99")));
  CHECK(pair.ended(owner, Reason::answered) == 1);
  CHECK(pair.ended(1 - owner, Reason::answered) == 0);
  CHECK(pair.sinks[owner].sent[index(Side::outside)] == 1);
  CHECK(pair.chains[owner]->trust().level(parse_address(source).value(), pair.now.time).number ==
        1);
  const Counters& c = pair.chains[at]->counters();
  CHECK(c.at_owner[index(Side::outside)].get() == (at == owner ? 1U : 0U));
  CHECK(c.handed[index(Side::outside)].get() == (at == owner ? 0U : 1U));
}

TEST_CASE("sharded: both directions of a connection meet", "[chain][shard]") {
  Pair pair;
  const unsigned owner = GENERATE(0U, 1U);
  const Probe opening = syn(pair.source_of(owner));
  pair.arrive(1 - owner, Side::outside, frame_of(opening));
  pair.arrive(owner, Side::inside, frame_of(back(opening, kSynAck)));
  CHECK(pair.chains[owner]->tracker().table(Family::v4).size() == 1);
  CHECK(pair.chains[1 - owner]->tracker().table(Family::v4).size() == 0);
  CHECK(pair.sinks[owner].sent[index(Side::inside)] == 1);
  CHECK(pair.sinks[owner].sent[index(Side::outside)] == 1);
}

TEST_CASE("sharded: an ICMP error goes where the flow it quotes lives", "[chain][shard]") {
  Pair pair;
  const unsigned owner = GENERATE(0U, 1U);
  const Probe opening = syn(pair.source_of(owner));
  pair.arrive(owner, Side::outside, frame_of(opening));
  const Probe answer = back(opening, kSynAck);
  pair.arrive(owner, Side::inside, frame_of(answer));
  const std::string router = pair.source_of(1 - owner);
  for (unsigned at = 0; at < kWorkers; ++at)
    pair.arrive(at, Side::outside, error_about(answer, router));
  CHECK(pair.sinks[owner].sent[index(Side::inside)] == 3);
  CHECK(pair.ended(0, Reason::icmp_unrelated) + pair.ended(1, Reason::icmp_unrelated) == 0);
}

TEST_CASE("sharded: address resolution goes to worker 0, what is not handled stays",
          "[chain][shard]") {
  Pair pair;
  Probe other = syn("198.51.100.1", "192.0.2.1");  // neither protected
  pair.arrive(1, Side::outside, frame_of(other));
  CHECK(pair.sinks[1].sent[index(Side::inside)] == 1);
  Bytes arp(60, 0);
  arp[12] = 0x08;
  arp[13] = 0x06;
  pair.arrive(1, Side::outside, frame_of(arp));
  CHECK(pair.chains[1]->counters().handed[index(Side::outside)].get() == 1);
  CHECK(pair.chains[0]->counters().classes[static_cast<std::size_t>(Class::neighbour)].get() == 1);
}

TEST_CASE("sharded: a full ring ends frames under its own name", "[chain][shard]") {
  Pair pair(4);
  const std::string source = pair.source_of(1);
  std::vector<rte_mbuf*> frames;
  for (std::uint16_t i = 0; i < 10; ++i) {
    Probe p = syn(source, "203.0.113.99");
    p.source_port = static_cast<std::uint16_t>(2000 + i);
    frames.push_back(frame_of(p));
  }
  pair.chains[0]->process(Side::outside, frames, pair.now);
  CHECK(pair.ended(0, Reason::handoff_full) == 6);
  pair.settle();
  CHECK(pair.ended(1, Reason::answered) == 4);
}

TEST_CASE("sharded: sources spread evenly over workers, a prefix stays together",
          "[chain][shard]") {
  const Policy policy = plain_policy();
  const Owner owner(policy, Secrets::derive({5, 6}), 8);
  std::array<int, 8> share{};
  for (std::uint32_t i = 0; i < 80000; ++i) ++share[owner.of(Address(be32(0xc6120000U + i)))];
  for (const int n : share) CHECK(std::abs(n - 10000) < 500);
  const unsigned one = owner.of(parse_address("2001:db8:5:6::1").value());
  CHECK(owner.of(parse_address("2001:db8:5:6:ffff::7").value()) == one);
}

TEST_CASE("sharded: fragments meet at the owner, wherever each arrives", "[chain][fragment]") {
  const unsigned who = GENERATE(0U, 1U);
  const Side from = GENERATE(Side::outside, Side::inside);
  Pair pair;
  Probe probe = syn(pair.source_of(who));
  probe.protocol = protocol::kUdp;
  probe.destination_port = 53;
  probe.payload.assign(200, 0x5a);
  if (from == Side::inside) {
    std::swap(probe.source, probe.destination);
    std::swap(probe.source_port, probe.destination_port);
  }
  unsigned at = 0;
  for (const Craft& part : cut(Craft(probe), 72)) pair.arrive(at++ % kWorkers, from, part.frame());
  CHECK(pair.sinks[who].sent[index(other(from))] == 1);
  CHECK(pair.sinks[1 - who].sent[index(other(from))] == 0);
  CHECK(pair.ended(who, Reason::fragment_joined) == 2);
  CHECK(pair.chains[who]->tracker().table(Family::v4).size() == 1);
}
