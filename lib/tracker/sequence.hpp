// SPDX-License-Identifier: BSD-3-Clause
/// Sequence-window checks (RFC 9293 section 3.10.7; bounds after van Rooij, "Real Stateful TCP
/// Packet Filtering in IP Filter", 2001).
#pragma once

#include <cstdint>

#include "packet/packet.hpp"
#include "tracker/connection.hpp"

namespace mitibox {

constexpr bool seq_before(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) < 0;
}
constexpr bool seq_after(std::uint32_t a, std::uint32_t b) {
  return seq_before(b, a);
}

/// The first SYN, or SYN/ACK, of an end: sets what it has sent and offers.
void start_end(TcpEnd& sender, TcpEnd& receiver, const Packet& segment);

/// Picks a connection up in its middle: whatever the segment says is taken as in order.
void pick_up(TcpEnd& sender, TcpEnd& receiver, const Packet& segment);

/// Whether the segment lies within what its receiver can accept. Not for a SYN.
bool in_window(const TcpEnd& sender, const TcpEnd& receiver, const Packet& segment);

/// Takes an accepted segment into account. Not for a SYN.
void advance(TcpEnd& sender, TcpEnd& receiver, const Packet& segment);

/// Whether a reset stands exactly where its receiver expects the next octet (RFC 5961 section 3).
bool reset_is_exact(const TcpEnd& sender, const TcpEnd& receiver, const Packet& segment);

}  // namespace mitibox
