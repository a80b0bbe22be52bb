// SPDX-License-Identifier: BSD-3-Clause
#include "port/ports.hpp"

#include <fmt/format.h>
#include <rte_lcore.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "base/secrets.hpp"
#include "port/port_info.hpp"
#include "port/port_state.hpp"
#include "port/rss_driver.hpp"

namespace mitibox {

namespace {

constexpr std::uint16_t kTagBytes = 2 * sizeof(VlanTag);

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

unsigned queue_pairs(std::uint16_t port) {
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(port, &info) != 0) return 0;
  return std::min(info.max_rx_queues, info.max_tx_queues);
}

}  // namespace

std::uint16_t Ports::buffer_size(const Config& config) {
  std::uint32_t mtu = 0;
  for (const std::uint16_t id : config.ids) mtu = std::max<std::uint32_t>(mtu, mtu_of(id));
  const std::uint32_t frame = mtu + RTE_ETHER_HDR_LEN + kTagBytes;
  return static_cast<std::uint16_t>(
      std::min<std::uint32_t>(std::max(frame, 2048U) + RTE_PKTMBUF_HEADROOM, UINT16_MAX));
}

unsigned Ports::max_queues(const std::array<std::uint16_t, kSides>& ids) {
  return std::min(queue_pairs(ids[0]), queue_pairs(ids[1]));
}

Ports::Ports(const Config& config, rte_mempool* pool) : config_(config) {
  std::array<rte_eth_dev_info, kSides> infos{};
  for (const Side side : {Side::outside, Side::inside}) {
    rte_eth_dev_info& info = infos[index(side)];
    require(rte_eth_dev_info_get(id(side), &info), id(side), "reading its capabilities");
    if (config_.queues > info.max_rx_queues || config_.queues > info.max_tx_queues)
      throw std::runtime_error(too_few_queues(id(side), info, config_.queues));
  }
  const std::uint64_t random = config.rss_secret ? *config.rss_secret : random_key().k0;
  const RssPlan plan = RssPlan::make({config_.queues, random, config_.v6_bits}, infos);
  for (const Side side : {Side::outside, Side::inside}) {
    rss_[index(side)] = PortRss(plan, side, infos[index(side)]);
    start(side, pool);
  }
  steering_ = steering_of(plan, rss_);
}

void Ports::configure(std::uint16_t port, PortRss& rss) {
  rte_eth_dev_info info{};
  require(rte_eth_dev_info_get(port, &info), port, "reading its capabilities");
  // In one set: IPv4, UDP and TCP. A port that verifies some only is not asked to.
  const bool verifies =
      (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM) == RTE_ETH_RX_OFFLOAD_CHECKSUM;
  verified_checksums_ = verified_checksums_ && verifies;
  for (;;) {
    rte_eth_conf conf{};
    conf.rxmode.mtu = mtu_of(port);
    if (verifies) conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM;
    if (rss.wanted()) rss.request(conf);
    const int result = rte_eth_dev_configure(port, config_.queues, config_.queues, &conf);
    if (result == 0) return;
    if (!rss.wanted()) require(result, port, "configuring");
    rss.refused();
  }
}

void Ports::start(Side side, rte_mempool* pool) {
  const std::uint16_t port = id(side);
  configure(port, rss_[index(side)]);
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
  EthdevRss driver(port);
  rss_[index(side)].complete(driver);
}

Ports::~Ports() {
  for (const Side side : {Side::outside, Side::inside}) {
    const std::uint16_t port = id(side);
    if (rss_[index(side)].by_rules()) EthdevRss(port).remove_rules();
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

std::vector<std::string> Ports::warnings(std::span<const unsigned> lcores) const {
  const auto placed = [this](Side side) { return PlacedPort{port_name(id(side)), socket(side)}; };
  std::vector<PlacedLcore> workers;
  for (const unsigned lcore : lcores) workers.push_back({lcore, rte_lcore_to_socket_id(lcore)});
  return placement_warnings({placed(Side::outside), placed(Side::inside)}, workers);
}

std::string Ports::describe(Side side) const {
  rte_eth_dev_info info{};
  rte_eth_dev_info_get(id(side), &info);
  const auto link = port_link(id(side));
  const Mac m = mac(side);
  const std::string rss = rss_[index(side)].describe();
  return fmt::format("{:<8} {} ({}), MAC {:02x}, MTU {}, {}{}{}",
                     side == Side::outside ? "outside" : "inside", port_name(id(side)),
                     info.driver_name == nullptr ? "?" : info.driver_name, fmt::join(m.bytes, ":"),
                     mtu_of(id(side)),
                     link && link->link_status == RTE_ETH_LINK_UP ? "link up" : "link down",
                     rss.empty() ? "" : ", ", rss);
}

}  // namespace mitibox
