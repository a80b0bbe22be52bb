// SPDX-License-Identifier: BSD-3-Clause
#include "port/port_info.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>

namespace mitibox {

namespace {

/// How to get `queues` queue pairs from this driver; empty when the device decides.
std::string more_queues(std::string_view driver, unsigned queues) {
  if (driver == "net_af_packet") return fmt::format("add qpairs={} to its --vdev", queues);
  if (driver == "net_af_xdp")
    return fmt::format(
        "add queue_count={} to its --vdev, and give the interface as many channels "
        "(ethtool -L IFACE combined {})",
        queues, queues);
  if (driver == "net_virtio_user" || driver == "net_vhost")
    return fmt::format("add queues={} to its --vdev", queues);
  if (driver == "net_pcap")
    return fmt::format(
        "give its --vdev {0} times rx_pcap=FILE (or rx_iface=IFACE) and {0} times tx_pcap=FILE "
        "(or tx_iface=IFACE)",
        queues);
  if (driver == "net_tap") return "net_tap has no argument for more";
  if (driver == "net_ring") return "a net_ring has as many as EAL has lcores (-l)";
  return {};
}

}  // namespace

std::string port_name(std::uint16_t id) {
  std::array<char, RTE_ETH_NAME_MAX_LEN> name{};
  return rte_eth_dev_get_name_by_port(id, name.data()) == 0 ? name.data() : std::to_string(id);
}

std::uint16_t find_port(const std::string& name) {
  std::uint16_t id = 0;
  const char* end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data(), end, id);
  if (error == std::errc{} && at == end && rte_eth_dev_is_valid_port(id) != 0) return id;
  if (rte_eth_dev_get_port_by_name(name.c_str(), &id) == 0) return id;
  std::string known;
  for (std::uint64_t i = rte_eth_find_next_owned_by(0, RTE_ETH_DEV_NO_OWNER); i < RTE_MAX_ETHPORTS;
       i = rte_eth_find_next_owned_by(static_cast<std::uint16_t>(i + 1), RTE_ETH_DEV_NO_OWNER))
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", i,
                         port_name(static_cast<std::uint16_t>(i)));
  throw std::runtime_error(
      fmt::format("no port '{}'; there are: {}", name,
                  known.empty() ? "none (give EAL two devices: -a PCI, or --vdev)" : known));
}

std::string too_few_queues(std::uint16_t port, const rte_eth_dev_info& info, unsigned needed) {
  const std::string hint = more_queues(info.driver_name == nullptr ? "" : info.driver_name, needed);
  return fmt::format(
      "port {}: {} queues needed (one a worker), but it has {} for RX and {} for TX{}{}",
      port_name(port), needed, info.max_rx_queues, info.max_tx_queues,
      hint.empty() ? "; give EAL fewer lcores (-l)" : ": ", hint);
}

std::vector<std::string> placement_warnings(const std::array<PlacedPort, kSides>& ports,
                                            std::span<const PlacedLcore> lcores) {
  std::vector<std::string> lines;
  for (const PlacedPort& p : ports)
    for (const PlacedLcore& l : lcores)
      if (p.socket && *p.socket != l.socket)
        lines.push_back(fmt::format(
            "port {} is on NUMA node {}, lcore {} on node {}: every frame crosses between them",
            p.name, *p.socket, l.id, l.socket));
  const auto& [outside, inside] = ports;
  if (outside.socket && inside.socket && *outside.socket != *inside.socket)
    lines.push_back(fmt::format("port {} is on NUMA node {}, port {} on node {}: put both on one",
                                outside.name, *outside.socket, inside.name, *inside.socket));
  return lines;
}

std::optional<unsigned> port_socket(std::uint16_t port) {
  const int socket = rte_eth_dev_socket_id(port);
  return socket < 0 ? std::nullopt : std::optional<unsigned>(static_cast<unsigned>(socket));
}

}  // namespace mitibox
