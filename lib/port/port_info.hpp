// SPDX-License-Identifier: BSD-3-Clause
/// What can be said of a port before it is set up.
#pragma once

#include <rte_ethdev.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "packet/packet.hpp"

namespace mitibox {

/// One port, by its number or its device name ("0", "net_af_packet0", "0000:01:00.0"). Throws
/// std::runtime_error that lists the ports there are.
std::uint16_t find_port(const std::string& name);

/// Its device name, or its number as text.
std::string port_name(std::uint16_t id);

/// What to tell the operator when `needed` queues are more than `info` says there are: which
/// argument gives more.
std::string too_few_queues(std::uint16_t port, const rte_eth_dev_info& info, unsigned needed);

/// NUMA node of the device; nothing when it has none (virtual devices, one-node machines).
std::optional<unsigned> port_socket(std::uint16_t port);

struct PlacedPort {
  std::string name;
  std::optional<unsigned> socket;
};
struct PlacedLcore {
  unsigned id = 0;
  unsigned socket = 0;
};
/// One line for each lcore on another node than a port, and one when the ports differ.
std::vector<std::string> placement_warnings(const std::array<PlacedPort, kSides>& ports,
                                            std::span<const PlacedLcore> lcores);

}  // namespace mitibox
