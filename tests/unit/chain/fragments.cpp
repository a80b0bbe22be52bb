// SPDX-License-Identifier: BSD-3-Clause
// The pieces of a datagram go the way of the whole.
#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "../scrubber/joiner.hpp"
#include "chain/chain.hpp"
#include "observe/snapshot.hpp"
#include "tracker/tracker.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

struct Sink : Wire {
  std::uint16_t send(Side to, rte_mbuf** taken, std::uint16_t count) override {
    for (std::uint16_t i = 0; i < count; ++i) {
      sent[index(to)].push_back(taken[i]->pkt_len);
      const auto* at = rte_pktmbuf_mtod(taken[i], const std::uint8_t*);
      frames[index(to)].emplace_back(at, at + taken[i]->data_len);
      rte_pktmbuf_free(taken[i]);
    }
    return count;
  }
  std::array<std::vector<std::size_t>, kSides> sent;
  std::array<std::vector<Bytes>, kSides> frames;
};

Policy public_dns() {
  Policy policy;
  policy.protected_prefixes = {parse_prefix("203.0.113.0/24").value(),
                               parse_prefix("2001:db8:1::/64").value()};
  for (const char* address : {"203.0.113.10", "2001:db8:1::10"}) {
    Service service;
    service.address = parse_address(address).value();
    service.udp = {{53, 53}};
    service.is_public = true;
    policy.services.push_back(service);
  }
  policy.timeouts.grace = Seconds(0);
  policy.tables.connections = policy.tables.sources = policy.tables.retransmissions = 1024;
  policy.tables.conversations = policy.tables.fragments = 64;
  return policy;
}

struct Box {
  explicit Box(const Policy& with = public_dns()) : policy(with) {
    static unsigned number = 0;
    Chain::Config config;
    config.name = "fragments" + std::to_string(number++);
    config.secrets = Secrets::derive({1, 2});
    config.pool = probe_pool();
    chain = std::make_unique<Chain>(policy, config, wire);
  }
  ~Box() {
    chain.reset();
    CHECK(rte_mempool_avail_count(probe_pool()) == before);
  }
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  void process(Side from, const std::vector<Craft>& burst) {
    std::vector<rte_mbuf*> frames;
    for (const Craft& c : burst) {
      frames.push_back(c.frame());
      poison_frame(frames.back());
    }
    chain->process(from, frames, Now(std::chrono::seconds(1)));
    chain->transmit().flush();
  }
  [[nodiscard]] std::uint64_t ended(Reason r) const {
    return chain->counters().ended[index(r)].get();
  }

  Policy policy;
  unsigned before = rte_mempool_avail_count(probe_pool());
  Sink wire;
  std::unique_ptr<Chain> chain;
};

/// A UDP datagram to that port of a host inside, or back, in three fragments of `step` bytes.
std::vector<Craft> pieces(bool v6, Side from, std::uint16_t inside_port, std::size_t step = 64) {
  Craft whole = datagram(v6, from, protocol::kUdp, 3 * step - 8);
  whole.put16(whole.l4 + (from == Side::outside ? 2 : 0), inside_port).sum_upper(protocol::kUdp);
  return cut(whole, step);
}

}  // namespace

TEST_CASE("chain: fragments in any order, in one burst or several, pass as one packet",
          "[chain][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const bool one_burst = GENERATE(true, false);
  const bool reversed = GENERATE(true, false);
  Box box;
  auto all = pieces(v6, from, 53);
  if (reversed) std::reverse(all.begin(), all.end());
  if (one_burst)
    box.process(from, all);
  else
    for (const Craft& c : all) box.process(from, {c});
  CHECK(box.wire.sent[index(other(from))] ==
        std::vector<std::size_t>{14U + (v6 ? 40U : 20U) + 3 * 64});
  CHECK(box.wire.sent[index(from)].empty());
  CHECK(box.ended(Reason::fragment_joined) == 2);
  CHECK(box.chain->tracker().table(v6 ? Family::v6 : Family::v4).size() == 1);
}

TEST_CASE("chain: what is large leaves in as many fragments as came", "[chain][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Box box;
  const auto all = pieces(v6, from, 53, 1400);
  std::vector<std::size_t> lengths;
  for (const Craft& c : all) lengths.push_back(c.bytes.size());
  box.process(from, all);
  CHECK(box.wire.sent[index(other(from))] == lengths);
  CHECK(box.chain->counters().forwarded[index(other(from))].get() == 3);
  CHECK(box.ended(Reason::fragment_joined) == 0);
}

TEST_CASE("chain: many datagrams become whole in one burst", "[chain][fragment]") {
  const bool v6 = GENERATE(false, true);
  Box box;
  std::vector<Craft> first, last;
  for (std::uint32_t id = 0; id < kBurst; ++id) {
    Probe probe = probe_between(v6, Side::outside);
    probe.protocol = protocol::kUdp;
    probe.destination_port = 53;
    probe.source_port = static_cast<std::uint16_t>(1000 + id);
    probe.payload.assign(100, 0x5a);
    const auto parts = cut(Craft(probe), 64, id);
    first.push_back(parts[1]);
    last.push_back(parts[0]);
  }
  box.process(Side::outside, first);
  CHECK(box.chain->counters().held.get() == kBurst);
  CHECK(box.wire.sent[index(Side::inside)].empty());
  box.process(Side::outside, last);
  CHECK(box.wire.sent[index(Side::inside)].size() == kBurst);
  CHECK(box.chain->tracker().table(v6 ? Family::v6 : Family::v4).size() == kBurst);
}

TEST_CASE("chain: a refused datagram ends with all its fragments", "[chain][fragment]") {
  const bool v6 = GENERATE(false, true);
  Box box;
  // Not listed: it meets the coin or silence.
  box.process(Side::outside, pieces(v6, Side::outside, 54));
  CHECK(box.ended(Reason::coin) + box.ended(Reason::reply_silent) == 3);
  CHECK(box.wire.sent[index(Side::inside)].empty());
}

TEST_CASE("chain: what does not become whole ends by itself", "[chain][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Box box;
  auto all = pieces(v6, from, 53);
  all.pop_back();
  box.process(from, all);
  CHECK(check_accounting(take_snapshot({box.chain.get()})).empty());
  box.chain->tick(Now(std::chrono::seconds(3)));
  CHECK(box.chain->counters().held.get() == 2);
  box.chain->tick(Now(std::chrono::milliseconds(3001)));
  CHECK(box.chain->counters().held.get() == 0);
  CHECK(box.ended(Reason::fragment_timeout) == 2);
  CHECK(box.wire.sent[index(from)].empty());  // in silence
  box.process(from, all);
  box.chain->finish();
  CHECK(box.ended(Reason::shutdown) == 2);
}

TEST_CASE("chain: a SYN in fragments is answered as any other", "[chain][fragment]") {
  const bool v6 = GENERATE(false, true);
  Policy policy = public_dns();
  policy.probability.drop = 0;
  Box box(policy);
  Probe syn = probe_between(v6, Side::outside);
  syn.destination = v6 ? "2001:db8:1::99" : "203.0.113.99";
  syn.options = {2, 4, 5, 0xb4, 1, 1, 1, 1, 1, 1, 1, 1};
  box.process(Side::outside, {Craft(syn)});
  REQUIRE(box.wire.sent[index(Side::outside)].size() == 1);
  const auto plain = box.wire.frames[index(Side::outside)][0];
  // Of a SYN only data can stand in another fragment, or options that none carries in full.
  syn.payload.assign(40, 'x');
  box.process(Side::outside, cut(Craft(syn), 32));
  REQUIRE(box.wire.sent[index(Side::outside)].size() == 2);
  Bytes answer = box.wire.frames[index(Side::outside)][1];
  // But for what is drawn anew: identifier and checksum of IPv4.
  if (!v6)
    for (const std::size_t at : {18U, 19U, 24U, 25U}) answer.at(at) = plain.at(at);
  CHECK(answer == plain);
  CHECK(box.ended(Reason::answered) == 4);
}
