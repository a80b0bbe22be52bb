// SPDX-License-Identifier: BSD-3-Clause
/// Rules S-TCP-2 and S-TCP-3, and S-UDP-1's cut: what is rewritten in place.
#pragma once

#include "packet/packet.hpp"
#include "packet/wire.hpp"

namespace mitibox {

/// Clears the reserved bits, the urgent pointer and, unless `keep_ecn`, ECE and CWR; clears URG
/// where ACK is set; adjusts the checksum. False when what remains is no combination that a stack
/// sends.
bool normalise_flags(TcpHeader& tcp, bool keep_ecn);

/// False when an option overruns the header, has a wrong length, or stands twice. Bytes behind the
/// end of the list become zero. The header must lie within bounds with its options.
bool normalise_options(TcpHeader& tcp);

/// Rewrites the IP length (and IPv4 checksum) after packet.end moved down, and cuts the frame.
void shorten(Packet& packet);

}  // namespace mitibox
