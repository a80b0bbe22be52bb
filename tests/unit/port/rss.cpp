// SPDX-License-Identifier: BSD-3-Clause
#include "port/rss.hpp"

#include <catch2/catch.hpp>
#include <functional>

#include "../chain/rig.hpp"
#include "port/ports.hpp"
#include "vdev.hpp"

using namespace mitibox;
using namespace mitibox::test;
using Catch::Contains;

namespace {

constexpr std::uint64_t kAddresses = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;
constexpr std::uint64_t kTransports = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
                                      RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
constexpr std::uint64_t kOneSide = RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY;

rte_eth_dev_info nic(std::uint64_t can, const char* driver = "net_test") {
  rte_eth_dev_info info{};
  info.driver_name = driver;
  info.flow_type_rss_offloads = can;
  info.reta_size = 128;
  info.hash_key_size = 40;
  return info;
}

struct FakeDriver : RssDriver {
  bool set_table(const RssPlan& /*plan*/) override { return table; }
  bool add_rule(const RssRule& rule) override {
    if (!accepts(rule)) return false;
    types.push_back(rule.types);
    queues.emplace_back(rule.queues.begin(), rule.queues.end());
    keys.emplace_back(rule.key.begin(), rule.key.end());
    return true;
  }
  void remove_rules() override {
    types.clear();
    queues.clear();
    keys.clear();
  }
  bool table = true;
  std::function<bool(const RssRule&)> accepts = [](const RssRule&) { return false; };
  std::vector<std::uint64_t> types;
  std::vector<std::vector<std::uint16_t>> queues;
  std::vector<std::vector<std::uint8_t>> keys;
};

struct Pair {
  explicit Pair(const rte_eth_dev_info& info, std::uint16_t queues = 4, unsigned v6_bits = 64)
      : plan(RssPlan::make({queues, 1, v6_bits}, {info, info})),
        ports{PortRss(plan, Side::outside, info), PortRss(plan, Side::inside, info)} {}
  /// Through set-up; the inside port's configuration is returned.
  rte_eth_conf complete(FakeDriver& outside, FakeDriver& inside) {
    rte_eth_conf conf{};
    if (ports[1].wanted()) ports[1].request(conf);
    ports[0].complete(outside);
    ports[1].complete(inside);
    return conf;
  }
  RssPlan plan;
  std::array<PortRss, kSides> ports;
};

}  // namespace

TEST_CASE("rss: rss_hf says it where the driver can", "[rss]") {
  Pair p(nic(kAddresses | kTransports | kOneSide | RTE_ETH_RSS_L3_PRE64));
  FakeDriver outside;
  FakeDriver inside;
  const rte_eth_conf conf = p.complete(outside, inside);
  CHECK(conf.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS);
  const auto& rss = conf.rx_adv_conf.rss_conf;
  CHECK(rss.rss_hf == (kAddresses | RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L3_PRE64));
  REQUIRE(rss.rss_key_len == 40);
  const Steering s = steering_of(p.plan, p.ports);
  CHECK(s.nic);
  CHECK(s.v6_prefix == 64);
  CHECK(std::vector<std::uint8_t>(rss.rss_key, rss.rss_key + 40) == s.key);
  CHECK(s.reta == p.plan.reta(128));
  CHECK(outside.types.empty());
  CHECK_THAT(p.ports[0].describe(), Contains("RSS by outside address (rss_hf, IPv6 by its first"));
}

TEST_CASE("rss: IPv6 is spread by what one worker owns", "[rss]") {
  constexpr std::uint64_t kPrefixes = RTE_ETH_RSS_L3_PRE48 | RTE_ETH_RSS_L3_PRE64;
  struct Row {
    unsigned owned;
    std::uint64_t asked;
    unsigned prefix;
  };
  for (const Row& row : {Row{48, RTE_ETH_RSS_L3_PRE48, 48}, Row{64, RTE_ETH_RSS_L3_PRE64, 64},
                         Row{56, 0, 0}, Row{50, 0, 0}}) {
    CAPTURE(row.owned);
    Pair p(nic(kAddresses | kOneSide | kPrefixes), 4, row.owned);
    FakeDriver outside;
    FakeDriver inside;
    const rte_eth_conf conf = p.complete(outside, inside);
    CHECK((conf.rx_adv_conf.rss_conf.rss_hf & kPrefixes) == row.asked);
    const Steering s = steering_of(p.plan, p.ports);
    CHECK(s.nic);
    CHECK(s.v6_prefix == row.prefix);
    p.ports[0].refused();
    rte_eth_conf less{};
    p.ports[0].request(less);
    CHECK(less.rx_adv_conf.rss_conf.rss_hf == kAddresses);
  }
}

TEST_CASE("rss: else rules do, with the port's own key and table", "[rss]") {
  Pair p(nic(kAddresses | kTransports));
  FakeDriver outside;
  outside.accepts = [](const RssRule& r) {
    return r.queues.empty() && r.key.empty() && r.transport == 0;
  };
  FakeDriver inside = outside;
  const rte_eth_conf conf = p.complete(outside, inside);
  CHECK(conf.rx_adv_conf.rss_conf.rss_hf == kAddresses);
  CHECK(outside.types == std::vector<std::uint64_t>{
                             RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_L3_SRC_ONLY,
                             RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_L3_PRE64 | RTE_ETH_RSS_L3_SRC_ONLY});
  CHECK((inside.types.at(0) & RTE_ETH_RSS_L3_DST_ONLY) != 0);
  const Steering s = steering_of(p.plan, p.ports);
  CHECK(s.nic);
  CHECK(s.v6_prefix == 64);
  CHECK_THAT(p.ports[1].describe(), Contains("RSS by outside address (rte_flow"));
}

TEST_CASE("rss: or rules with key and queues in each", "[rss]") {
  const auto queues = static_cast<std::uint16_t>(GENERATE(4, 3));
  Pair p(nic(kAddresses), queues);
  FakeDriver outside;
  outside.accepts = [](const RssRule& r) {
    return !r.queues.empty() && !r.key.empty() && (r.types & RTE_ETH_RSS_L3_PRE64) == 0;
  };
  FakeDriver inside = outside;
  outside.table = inside.table = GENERATE(true, false);
  p.complete(outside, inside);
  const Steering s = steering_of(p.plan, p.ports);
  REQUIRE(s.nic);
  CHECK(s.v6_prefix == 0);
  REQUIRE(outside.queues.size() == 2);
  CHECK(outside.keys[0] == s.key);
  // Whatever a hash is, the list and the table name the same queue.
  const auto& list = outside.queues[0];
  for (std::size_t h = 0; h < 1000; ++h) CHECK(list[h % list.size()] == s.reta[h % s.reta.size()]);
  CHECK_THAT(p.ports[0].describe(), Contains("(rte_flow, IPv4 only)"));
}

TEST_CASE("rss: a driver that goes by packet types is told them all", "[rss]") {
  Pair p(nic(kAddresses | kTransports, "net_i40e"));
  FakeDriver outside;
  outside.accepts = [](const RssRule& r) { return r.queues.empty(); };
  FakeDriver inside = outside;
  SECTION("and takes them") {
    const rte_eth_conf conf = p.complete(outside, inside);
    CHECK(conf.rx_adv_conf.rss_conf.rss_hf == (kAddresses | kTransports));
    CHECK(outside.types.size() == 6);
    CHECK(steering_of(p.plan, p.ports).nic);
  }
  SECTION("half a rule is none") {
    outside.accepts = [](const RssRule& r) { return r.transport == 0; };
    p.complete(outside, inside);
    CHECK(outside.types.empty());
    CHECK(p.ports[0].by() == PortRss::By::both_addresses);
    CHECK_FALSE(steering_of(p.plan, p.ports).nic);
  }
}

TEST_CASE("rss: what one port lacks neither has", "[rss]") {
  Pair p(nic(kAddresses));
  FakeDriver outside;
  outside.accepts = [](const RssRule&) { return true; };
  FakeDriver inside;
  p.complete(outside, inside);
  CHECK(p.ports[0].agrees());
  CHECK_FALSE(steering_of(p.plan, p.ports).nic);
  CHECK_THAT(p.ports[1].describe(), Contains("RSS by both addresses: packets are handed"));
}

TEST_CASE("rss: refusals lead to less, and to nothing at last", "[rss]") {
  Pair p(nic(kAddresses | kOneSide));
  PortRss& port = p.ports[0];
  REQUIRE(port.by() == PortRss::By::outside_address);
  port.refused();
  rte_eth_conf conf{};
  port.request(conf);
  CHECK(conf.rx_adv_conf.rss_conf.rss_hf == kAddresses);
  port.refused();
  CHECK_FALSE(port.wanted());
  FakeDriver driver;
  port.complete(driver);
  CHECK(port.describe() == "no RSS: packets are handed to their owner");
}

TEST_CASE("rss: a table that differs, or a key of the driver's, does not agree", "[rss]") {
  rte_eth_dev_info info = nic(kAddresses | kOneSide);
  SECTION("no key") {
    info.hash_key_size = 0;
  }
  SECTION("no table") {
    info.reta_size = 0;
  }
  SECTION("a table that is smaller than the queues") {
    info.reta_size = 2;
  }
  Pair p(info);
  FakeDriver outside;
  FakeDriver inside;
  p.complete(outside, inside);
  CHECK_FALSE(steering_of(p.plan, p.ports).nic);
  CHECK_THAT(p.ports[0].describe(), Contains("driver's key or table"));
}

TEST_CASE("rss: ports with tables of different size agree on every hash", "[rss]") {
  const auto queues = static_cast<std::uint16_t>(GENERATE(1, 2, 3, 5, 8));
  const RssPlan plan = RssPlan::make({queues, 1, 64}, {nic(kAddresses), [] {
                                                         rte_eth_dev_info info = nic(kAddresses);
                                                         info.reta_size = 512;
                                                         return info;
                                                       }()});
  const auto small = plan.reta(128);
  const auto large = plan.reta(512);
  for (std::size_t h = 0; h < 4096; ++h) CHECK(small[h % 128] == large[h % 512]);
}

TEST_CASE("rss: one queue asks for nothing", "[rss]") {
  Pair p(nic(kAddresses | kOneSide), 1);
  CHECK_FALSE(p.ports[0].wanted());
  CHECK(p.ports[0].describe().empty());
}

TEST_CASE("rss: ports start with what net_null can", "[rss][ports]") {
  const Vdev a("net_null0");
  const Vdev b("net_null1");
  const Ports ports({{a.id(), b.id()}, 3, 64, 7}, probe_pool());
  CHECK_FALSE(ports.steering().nic);
  CHECK_THAT(ports.describe(Side::outside), Contains("RSS by both addresses"));
  rte_eth_dev_info info{};
  REQUIRE(rte_eth_dev_info_get(a.id(), &info) == 0);
  std::vector<rte_eth_rss_reta_entry64> table(info.reta_size / RTE_ETH_RETA_GROUP_SIZE);
  for (auto& group : table) group.mask = UINT64_MAX;
  REQUIRE(rte_eth_dev_rss_reta_query(a.id(), table.data(), info.reta_size) == 0);
  for (std::size_t i = 0; i < info.reta_size; ++i)
    CHECK(table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] == i % 3);
}

TEST_CASE("rss: ports start where there is none", "[rss][ports]") {
  const CaptureFiles file;
  const Vdev a("net_pcap0", file.queue_pairs(2));
  const Vdev b("net_null0");
  const Ports ports({{a.id(), b.id()}, 2, 64}, probe_pool());
  CHECK_FALSE(ports.steering().nic);
  CHECK_THAT(ports.describe(Side::outside), Contains("no RSS: packets are handed to their owner"));
  CHECK_THAT(ports.describe(Side::inside), Contains("RSS by both addresses"));
}
