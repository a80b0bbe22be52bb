// SPDX-License-Identifier: BSD-3-Clause
// The pieces of a datagram go the way of the first, also within one burst.
#include <catch2/catch.hpp>
#include <vector>

#include "../packet/craft.hpp"
#include "base/eal.hpp"
#include "chain/chain.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

struct Sink : Wire {
  std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override {
    for (std::uint16_t i = 0; i < count; ++i) {
      sent[index(to)].push_back(frames[i]->pkt_len);
      rte_pktmbuf_free(frames[i]);
    }
    return count;
  }
  std::array<std::vector<std::size_t>, kSides> sent;
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
  Box() {
    static unsigned number = 0;
    Chain::Config config;
    config.name = "fragments" + std::to_string(number++);
    config.secrets = Secrets::derive({1, 2});
    config.pool = probe_pool();
    chain = std::make_unique<Chain>(policy, config, wire);
  }
  void process(Side from, const std::vector<Craft>& burst) {
    std::vector<rte_mbuf*> frames;
    for (const Craft& c : burst) frames.push_back(c.frame());
    chain->process(from, frames, Now(std::chrono::seconds(1)));
    chain->transmit().flush();
  }
  [[nodiscard]] std::uint64_t ended(Reason r) const {
    return chain->counters().ended[index(r)].get();
  }

  Policy policy = public_dns();
  Sink wire;
  std::unique_ptr<Chain> chain;
};

/// A UDP datagram of three fragments, in order.
std::vector<Craft> pieces(bool v6, Side from, std::uint16_t inside_port) {
  Probe probe = probe_between(v6, from);
  probe.protocol = protocol::kUdp;
  (from == Side::outside ? probe.destination_port : probe.source_port) = inside_port;
  probe.payload.assign(192, 0x5a);
  const Craft whole(probe);
  std::vector<Craft> out;
  for (unsigned offset = 0; offset <= 128; offset += 64) {
    Craft c(whole);
    const std::size_t end = offset == 128 ? whole.bytes.size() : whole.l4 + offset + 64;
    c.resize(end);
    c.bytes.erase(c.bytes.begin() + static_cast<std::ptrdiff_t>(c.l4),
                  c.bytes.begin() + static_cast<std::ptrdiff_t>(c.l4 + offset));
    c.fragment({7, offset, offset != 128});
    out.push_back(c);
  }
  return out;
}

}  // namespace

TEST_CASE("chain: fragments in one burst or three follow an accepted first", "[chain]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const bool one_burst = GENERATE(true, false);
  Box box;
  const auto all = pieces(v6, from, 53);
  std::vector<std::size_t> lengths;
  for (const Craft& c : all) lengths.push_back(c.bytes.size());
  if (one_burst)
    box.process(from, all);
  else
    for (const Craft& c : all) box.process(from, {c});
  CHECK(box.wire.sent[index(other(from))] == lengths);
  CHECK(box.wire.sent[index(from)].empty());
  CHECK(box.ended(Reason::fragment_unknown) == 0);
}

TEST_CASE("chain: fragments of a refused first, or ahead of it, end", "[chain]") {
  const bool v6 = GENERATE(false, true);
  Box box;
  // Not listed: the first meets the coin or silence.
  box.process(Side::outside, pieces(v6, Side::outside, 54));
  CHECK(box.ended(Reason::fragment_unknown) == 2);
  CHECK(box.ended(Reason::coin) + box.ended(Reason::reply_silent) == 1);
  // Overtaken: what comes before the first has nobody to follow, what comes behind it has.
  const auto all = pieces(v6, Side::outside, 53);
  box.process(Side::outside, {all[2], all[0], all[1]});
  CHECK(box.ended(Reason::fragment_unknown) == 3);
  CHECK(box.wire.sent[index(Side::inside)].size() == 2);
  CHECK(rte_mempool_in_use_count(probe_pool()) == 0);
}
