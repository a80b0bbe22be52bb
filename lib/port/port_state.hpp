// SPDX-License-Identifier: BSD-3-Clause
/// A port's link and statistics, for the control plane.
#pragma once

#include <rte_ethdev.h>

#include <cstdint>
#include <optional>

namespace mitibox {

/// Any control thread, several at once: drivers promise that of their data path alone, and some
/// read a device's registers one after another, or talk to its firmware. Nothing when the driver
/// cannot say.
std::optional<rte_eth_stats> port_stats(std::uint16_t port);
/// Without waiting for the link.
std::optional<rte_eth_link> port_link(std::uint16_t port);
/// Sets the link; 0, or a negative errno.
int set_port_link(std::uint16_t port, bool up);

}  // namespace mitibox
