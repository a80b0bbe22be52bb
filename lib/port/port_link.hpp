// SPDX-License-Identifier: BSD-3-Clause
/// The link of one port: seen, cut and raised.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace mitibox {

/// Used by one control thread.
class PortLink {
 public:
  PortLink() = default;
  virtual ~PortLink() = default;
  PortLink(const PortLink&) = delete;
  PortLink& operator=(const PortLink&) = delete;

  /// Whether the other end could receive now. One that was cut is down.
  virtual bool up() = 0;
  /// Cuts it, so that the other end sees it go, or raises it. Returns why it cannot; empty: done.
  virtual std::string set(bool up) = 0;
};

/// Of an ethdev port. Where the kernel has an interface for it (af_packet, af_xdp, tap, mlx5) that
/// is asked and set (SIOCSIFFLAGS, CAP_NET_ADMIN): those drivers call their link up whatever
/// happens, or cannot set it. Of all others the driver (rte_eth_dev_set_link_down).
std::unique_ptr<PortLink> link_of(std::uint16_t port);

}  // namespace mitibox
