// SPDX-License-Identifier: BSD-3-Clause
#include "port/rss_driver.hpp"

#include <rte_flow.h>

#include <bit>

namespace mitibox {

bool EthdevRss::set_table(const RssPlan& plan) {
  // Some drivers size their table by the queues, so what it was before the start may be wrong.
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(port_, &info) != 0) return false;
  const std::uint16_t size = info.reta_size;
  if (!std::has_single_bit(size)) return false;
  if (size < plan.table && size % plan.queues != 0) return false;
  const auto entries = plan.reta(size);
  constexpr std::size_t kGroup = RTE_ETH_RETA_GROUP_SIZE;
  std::vector<rte_eth_rss_reta_entry64> groups((size + kGroup - 1) / kGroup);
  for (std::size_t i = 0; i < size; ++i) {
    groups[i / kGroup].mask |= std::uint64_t{1} << (i % kGroup);
    groups[i / kGroup].reta[i % kGroup] = entries[i];
  }
  return rte_eth_dev_rss_reta_update(port_, groups.data(), size) == 0;
}

bool EthdevRss::add_rule(const RssRule& rule) {
  rte_flow_attr attributes{};
  attributes.ingress = 1;
  const auto item = [](rte_flow_item_type type) {
    rte_flow_item i{};
    i.type = type;
    return i;
  };
  std::array<rte_flow_item, 4> pattern{
      item(RTE_FLOW_ITEM_TYPE_ETH),
      item(rule.v6 ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4),
      item(RTE_FLOW_ITEM_TYPE_END), item(RTE_FLOW_ITEM_TYPE_END)};
  if (rule.transport == protocol::kTcp) pattern[2].type = RTE_FLOW_ITEM_TYPE_TCP;
  if (rule.transport == protocol::kUdp) pattern[2].type = RTE_FLOW_ITEM_TYPE_UDP;

  rte_flow_action_rss rss{};
  rss.types = rule.types;
  // Some drivers refuse a pointer whatever the length.
  rss.key = rule.key.empty() ? nullptr : rule.key.data();
  rss.key_len = static_cast<std::uint32_t>(rule.key.size());
  rss.queue = rule.queues.empty() ? nullptr : rule.queues.data();
  rss.queue_num = static_cast<std::uint32_t>(rule.queues.size());
  std::array<rte_flow_action, 2> actions{};
  actions[0].type = RTE_FLOW_ACTION_TYPE_RSS;
  actions[0].conf = &rss;
  actions[1].type = RTE_FLOW_ACTION_TYPE_END;

  rte_flow_error error{};
  return rte_flow_validate(port_, &attributes, pattern.data(), actions.data(), &error) == 0 &&
         rte_flow_create(port_, &attributes, pattern.data(), actions.data(), &error) != nullptr;
}

void EthdevRss::remove_rules() {
  rte_flow_error error{};
  rte_flow_flush(port_, &error);
}

}  // namespace mitibox
