// SPDX-License-Identifier: BSD-3-Clause
/// Whose state a handled packet needs, before any rule has looked at it.
#pragma once

#include "packet/packet.hpp"

namespace mitibox {

/// The outside address of the flow that the packet belongs to: its own, or for an ICMP error that
/// of the packet which it quotes. Of a packet of class inbound or outbound.
Address flow_address(const Packet& packet);

}  // namespace mitibox
