// SPDX-License-Identifier: BSD-3-Clause
#include "port/ports.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace mitibox {

namespace {

constexpr std::uint16_t kTagBytes = 2 * sizeof(VlanTag);

std::string port_name(std::uint16_t id) {
  std::array<char, RTE_ETH_NAME_MAX_LEN> name{};
  return rte_eth_dev_get_name_by_port(id, name.data()) == 0 ? name.data() : std::to_string(id);
}

void require(int result, std::uint16_t id, const char* step) {
  if (result < 0)
    throw std::runtime_error(
        fmt::format("port {}: {} failed: {}", port_name(id), step, std::strerror(-result)));
}

std::uint16_t mtu_of(std::uint16_t id) {
  std::uint16_t mtu = RTE_ETHER_MTU;
  // A driver without an MTU takes what Ethernet has.
  if (rte_eth_dev_get_mtu(id, &mtu) != 0) mtu = RTE_ETHER_MTU;
  return std::max<std::uint16_t>(mtu, RTE_ETHER_MTU);
}

}  // namespace

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

std::uint16_t Ports::buffer_size(const Config& config) {
  std::uint32_t mtu = 0;
  for (const std::uint16_t id : config.ids) mtu = std::max<std::uint32_t>(mtu, mtu_of(id));
  const std::uint32_t frame = mtu + RTE_ETHER_HDR_LEN + kTagBytes;
  return static_cast<std::uint16_t>(
      std::min<std::uint32_t>(std::max(frame, 2048U) + RTE_PKTMBUF_HEADROOM, UINT16_MAX));
}

Ports::Ports(const Config& config, rte_mempool* pool) : config_(config) {
  for (const Side side : {Side::outside, Side::inside}) start(side, pool);
}

void Ports::start(Side side, rte_mempool* pool) {
  const std::uint16_t port = id(side);
  rte_eth_dev_info info{};
  require(rte_eth_dev_info_get(port, &info), port, "reading its capabilities");
  if (config_.queues > info.max_rx_queues || config_.queues > info.max_tx_queues)
    throw std::runtime_error(
        fmt::format("port {}: {} queues needed (one a worker), but it has {} for RX and {} for TX",
                    port_name(port), config_.queues, info.max_rx_queues, info.max_tx_queues));
  rte_eth_conf conf{};
  conf.rxmode.mtu = mtu_of(port);
  require(rte_eth_dev_configure(port, config_.queues, config_.queues, &conf), port, "configuring");
  std::uint16_t rx = config_.descriptors;
  std::uint16_t tx = config_.descriptors;
  require(rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx, &tx), port, "sizing its queues");
  for (std::uint16_t q = 0; q < config_.queues; ++q) {
    const auto socket = static_cast<unsigned>(std::max(0, rte_eth_dev_socket_id(port)));
    require(rte_eth_rx_queue_setup(port, q, rx, socket, nullptr, pool), port, "setting up RX");
    require(rte_eth_tx_queue_setup(port, q, tx, socket, nullptr), port, "setting up TX");
  }
  require(rte_eth_dev_start(port), port, "starting");
  // A bridge takes frames for every MAC. Virtual drivers do so without being told.
  for (const int result : {rte_eth_promiscuous_enable(port), rte_eth_allmulticast_enable(port)})
    if (result != -ENOTSUP) require(result, port, "promiscuous mode");
}

Ports::~Ports() {
  for (const std::uint16_t port : config_.ids) {
    rte_eth_dev_stop(port);
    rte_eth_dev_close(port);
  }
}

Mac Ports::mac(Side side) const {
  rte_ether_addr address{};
  Mac mac;
  if (rte_eth_macaddr_get(id(side), &address) == 0)
    std::memcpy(mac.bytes.data(), address.addr_bytes, mac.bytes.size());
  // A driver without an address: one of our own, locally administered.
  if (mac == Mac{}) mac = {{0x02, 0x4d, 0x69, 0x74, 0x69, static_cast<std::uint8_t>(id(side))}};
  return mac;
}

std::string Ports::describe(Side side) const {
  rte_eth_dev_info info{};
  rte_eth_link link{};
  rte_eth_dev_info_get(id(side), &info);
  rte_eth_link_get_nowait(id(side), &link);
  const Mac m = mac(side);
  return fmt::format("{:<8} {} ({}), MAC {:02x}, MTU {}, {}",
                     side == Side::outside ? "outside" : "inside", port_name(id(side)),
                     info.driver_name == nullptr ? "?" : info.driver_name, fmt::join(m.bytes, ":"),
                     mtu_of(id(side)), link.link_status == 0 ? "link down" : "link up");
}

}  // namespace mitibox
