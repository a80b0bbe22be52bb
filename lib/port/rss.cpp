// SPDX-License-Identifier: BSD-3-Clause
#include "port/rss.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>

namespace mitibox {

namespace {

constexpr std::uint64_t kTransports = RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP;
/// When a port names no table, and a rule lists its queues.
constexpr std::uint16_t kUsualTable = 128;

/// Drivers whose "IPv4" leaves out TCP and UDP (packet classifier types of their own). To others
/// the transports must not be named: they would hash the ports, too.
bool hashes_by_packet_type(const char* driver) {
  const std::string_view name = driver == nullptr ? "" : driver;
  return name == "net_i40e" || name == "net_hns3" || name == "net_hns3_vf";
}

/// RTE_ETH_RSS_L3_PRE*; 0: there is none for this length.
std::uint64_t prefix_type(unsigned bits) {
  switch (bits) {
    case 32:
      return RTE_ETH_RSS_L3_PRE32;
    case 40:
      return RTE_ETH_RSS_L3_PRE40;
    case 48:
      return RTE_ETH_RSS_L3_PRE48;
    case 56:
      return RTE_ETH_RSS_L3_PRE56;
    case 64:
      return RTE_ETH_RSS_L3_PRE64;
    default:
      return 0;
  }
}

}  // namespace

RssPlan RssPlan::make(const Need& need, const std::array<rte_eth_dev_info, kSides>& infos) {
  RssPlan plan{need.queues, steering_word(need.random)};
  if (prefix_type(need.v6_bits) != 0) plan.v6_prefix = need.v6_bits;
  const std::uint16_t table = std::min(infos[0].reta_size, infos[1].reta_size);
  // With fewer entries than queues some would stay idle.
  if (std::has_single_bit(table) && table >= need.queues) plan.table = table;
  return plan;
}

std::vector<std::uint16_t> RssPlan::reta(std::size_t size) const {
  std::vector<std::uint16_t> entries(size);
  for (std::size_t i = 0; i < size; ++i)
    entries[i] = static_cast<std::uint16_t>(i % table % queues);
  return entries;
}

PortRss::PortRss(const RssPlan& plan, Side side, const rte_eth_dev_info& info)
    : plan_(plan),
      side_only_(side == Side::outside ? RTE_ETH_RSS_L3_SRC_ONLY : RTE_ETH_RSS_L3_DST_ONLY),
      by_packet_type_(hashes_by_packet_type(info.driver_name)),
      key_(steering_key(plan.word, info.hash_key_size)) {
  if (plan.queues < 2) return;
  const std::uint64_t can = info.flow_type_rss_offloads;
  const std::uint64_t addresses = can & RTE_ETH_RSS_IP;
  hash_types_ = addresses;
  if (by_packet_type_ || addresses == 0) hash_types_ |= can & kTransports;
  if (hash_types_ == 0) return;
  by_ = By::both_addresses;
  if ((can & side_only_) == 0 || (can & RTE_ETH_RSS_IPV4) == 0) return;
  by_ = By::outside_address;
  const std::uint64_t prefix = can & prefix_type(plan.v6_prefix);
  v6_by_prefix_ = (can & RTE_ETH_RSS_IPV6) != 0 && prefix != 0;
  hash_types_ |= side_only_ | prefix;
}

void PortRss::request(rte_eth_conf& conf) {
  conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
  auto& rss = conf.rx_adv_conf.rss_conf;
  rss.rss_hf = hash_types_;
  rss.rss_key = key_.empty() ? nullptr : key_.data();
  rss.rss_key_len = static_cast<std::uint8_t>(key_.size());
}

void PortRss::refused() {
  v6_by_prefix_ = false;
  if (by_ == By::outside_address) {
    hash_types_ &= ~(side_only_ | prefix_type(plan_.v6_prefix));
    by_ = By::both_addresses;
    return;
  }
  hash_types_ = 0;
  by_ = By::nothing;
}

void PortRss::complete(RssDriver& driver) {
  if (!wanted()) return;
  ours_ = plan_.table != 0 && driver.set_table(plan_) && !key_.empty();
  if (by_ == By::outside_address) return;
  // Some drivers spread by the port's key and table alone, others need them in every rule.
  by_rules_ = (ours_ && add_rules(driver, false)) || add_rules(driver, true);
  if (by_rules_) by_ = By::outside_address;
}

bool PortRss::add_rules(RssDriver& driver, bool own_queues) {
  RssPlan plan = plan_;
  if (plan.table == 0) plan.table = kUsualTable;
  const auto queues = plan.reta(std::has_single_bit(plan.queues) ? plan.queues : plan.table);
  const auto add = [&](bool v6, std::uint8_t transport, std::uint64_t types) {
    RssRule rule{v6, transport, types | side_only_, {}, {}};
    if (own_queues) {
      rule.queues = queues;
      rule.key = key_;
    }
    return driver.add_rule(rule);
  };
  const auto add_transports = [&](bool v6, std::uint64_t tcp, std::uint64_t udp) {
    return !by_packet_type_ || (add(v6, protocol::kTcp, tcp) && add(v6, protocol::kUdp, udp));
  };
  const bool v4 = add(false, 0, RTE_ETH_RSS_IPV4) &&
                  add_transports(false, RTE_ETH_RSS_NONFRAG_IPV4_TCP, RTE_ETH_RSS_NONFRAG_IPV4_UDP);
  if (!v4) {
    driver.remove_rules();
    return false;
  }
  const std::uint64_t prefix = prefix_type(plan_.v6_prefix);
  v6_by_prefix_ = !by_packet_type_ && prefix != 0 && add(true, 0, RTE_ETH_RSS_IPV6 | prefix);
  if (!v6_by_prefix_ && add(true, 0, RTE_ETH_RSS_IPV6))
    add_transports(true, RTE_ETH_RSS_NONFRAG_IPV6_TCP, RTE_ETH_RSS_NONFRAG_IPV6_UDP);
  ours_ = own_queues ? !key_.empty() && plan_.table != 0 : ours_;
  return true;
}

std::string PortRss::describe() const {
  if (plan_.queues < 2) return {};
  if (by_ == By::nothing) return "no RSS: packets are handed to their owner";
  if (by_ == By::both_addresses) return "RSS by both addresses: packets are handed to their owner";
  std::string line = std::string("RSS by outside address (") + (by_rules_ ? "rte_flow" : "rss_hf");
  if (!ours_) return line + ") with the driver's key or table: packets are handed to their owner";
  return line + (v6_by_prefix_ ? ", IPv6 by its first " + std::to_string(plan_.v6_prefix) + " bits)"
                               : ", IPv4 only)");
}

Steering steering_of(const RssPlan& plan, const std::array<PortRss, kSides>& ports) {
  Steering s;
  if (!ports[0].agrees() || !ports[1].agrees()) return s;
  s.nic = true;
  s.key = steering_key(plan.word, 40);
  s.reta = plan.reta(plan.table);
  if (ports[0].v6_by_prefix() && ports[1].v6_by_prefix()) s.v6_prefix = plan.v6_prefix;
  return s;
}

}  // namespace mitibox
