// SPDX-License-Identifier: BSD-3-Clause
/// From bytes to the fields of Packet, once, each header behind a bounds check.
#pragma once

#include <optional>

#include "packet/packet.hpp"

namespace mitibox {

/// Reads `packet.frame` up to the network header: tags, ether_type, l3, and for IP family,
/// protocol (as its first header names it), l4 (behind that header), end. Joins a frame of several
/// segments. Returns why the frame cannot be read (RFC 791 3.1, RFC 8200 3), if so.
std::optional<Reason> parse_frame(Packet& packet);

/// Writes key: the flow's identity from addresses, ports and the side the packet came from.
/// `opener`: the side that asked; only echo needs it.
void set_flow_key(Packet& packet, Side opener);

}  // namespace mitibox
