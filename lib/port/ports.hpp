// SPDX-License-Identifier: BSD-3-Clause
/// The two ethdev ports: set-up, statistics, and their TX queues as a Wire.
#pragma once

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "packet/packet.hpp"
#include "port/port_info.hpp"
#include "port/rss.hpp"
#include "port/transmit.hpp"

namespace mitibox {

/// Both ports of the bridge. Set up and closed by the main lcore.
class Ports {
 public:
  struct Config {
    std::array<std::uint16_t, kSides> ids;  ///< by Side
    std::uint16_t queues = 1;               ///< RX and TX queues of each port
    std::uint16_t descriptors = 1024;       ///< of each queue, as far as the driver agrees
    std::optional<std::uint64_t> rss_secret = std::nullopt;  ///< none: drawn at random
    unsigned v6_bits = 64;  ///< of an IPv6 address, what belongs to one worker
  };

  /// Bytes of a buffer that holds a frame of either port's MTU with two VLAN tags, headroom
  /// included.
  static std::uint16_t buffer_size(const Config& config);

  /// Configures and starts both ports, promiscuous. Throws std::runtime_error naming the port, the
  /// step and the driver's reason.
  Ports(const Config& config, rte_mempool* pool);
  ~Ports();
  Ports(const Ports&) = delete;
  Ports& operator=(const Ports&) = delete;

  [[nodiscard]] std::uint16_t id(Side side) const { return config_.ids[index(side)]; }
  [[nodiscard]] Mac mac(Side side) const;
  /// NUMA node, if it has one.
  [[nodiscard]] std::optional<unsigned> socket(Side side) const { return port_socket(id(side)); }
  /// Lines for the operator where ports and these lcores lie on different NUMA nodes.
  [[nodiscard]] std::vector<std::string> warnings(std::span<const unsigned> lcores) const;

  /// Queue pairs that both ports can have, so the most workers; 0: one of them is no port.
  static unsigned max_queues(const std::array<std::uint16_t, kSides>& ids);
  /// Whether both ports verify checksums and flag frames whose are right.
  [[nodiscard]] bool verified_checksums() const { return verified_checksums_; }
  /// How the NIC spreads the packets of several queues.
  [[nodiscard]] const Steering& steering() const { return steering_; }
  /// One line for the operator: name, driver, MAC, MTU, link, RSS.
  [[nodiscard]] std::string describe(Side side) const;

 private:
  void start(Side side, rte_mempool* pool);
  void configure(std::uint16_t port, PortRss& rss);
  Config config_;
  std::array<PortRss, kSides> rss_;
  bool verified_checksums_ = true;
  Steering steering_;
};

/// One worker's TX queue on both ports.
class PortWire : public Wire {
 public:
  PortWire(const Ports& ports, std::uint16_t queue)
      : ids_{ports.id(Side::outside), ports.id(Side::inside)}, queue_(queue) {}

  std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override {
    return rte_eth_tx_burst(ids_[index(to)], queue_, frames, count);
  }

 private:
  std::array<std::uint16_t, kSides> ids_;
  std::uint16_t queue_;
};

}  // namespace mitibox
