// SPDX-License-Identifier: BSD-3-Clause
#include "port/port_state.hpp"

#include <mutex>

namespace mitibox {

namespace {

/// For all ports: two of them may be one device.
std::mutex& one_at_a_time() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

std::optional<rte_eth_stats> port_stats(std::uint16_t port) {
  const std::lock_guard lock(one_at_a_time());
  rte_eth_stats stats{};
  if (rte_eth_stats_get(port, &stats) != 0) return std::nullopt;
  return stats;
}

std::optional<rte_eth_link> port_link(std::uint16_t port) {
  const std::lock_guard lock(one_at_a_time());
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(port, &link) != 0) return std::nullopt;
  return link;
}

int set_port_link(std::uint16_t port, bool up) {
  const std::lock_guard lock(one_at_a_time());
  return up ? rte_eth_dev_set_link_up(port) : rte_eth_dev_set_link_down(port);
}

}  // namespace mitibox
