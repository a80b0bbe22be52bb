// SPDX-License-Identifier: BSD-3-Clause
/// Between what the outside was told of a connection and what its inside host says: sequence
/// numbers, window scale, SACK edges. Nothing else differs.
#pragma once

#include <algorithm>
#include <cstdint>

#include "packet/packet.hpp"
#include "packet/persona.hpp"
#include "tracker/connection.hpp"

namespace mitibox {

/// Brings the numbers that Packet holds of a segment from outside into the host's terms.
inline void read_for_host(Packet& p, const Connection& c) {
  if ((p.tcp_flags & tcp::kAck) != 0) p.acknowledgement -= c.shift;
  // A host that does not scale its windows does not scale those of others; a SYN's are not scaled
  // (RFC 7323 2.2).
  if (c.rescaled && !c.ends[index(Side::inside)].scale_offered && (p.tcp_flags & tcp::kSyn) == 0)
    p.window = std::min(p.window << c.client_scale, 0xffffU);
}

/// Writes them into the frame, SACK edges too. Of a segment whose numbers were read so.
void write_for_host(Packet& p, const Connection& c);

/// Writes a segment of the host's into the outside's terms.
void write_for_outside(Packet& p, const Connection& c);

/// The host's window as the outside reads it.
inline std::uint16_t window_for_outside(std::uint32_t window, const Connection& c) {
  if (!c.rescaled) return static_cast<std::uint16_t>(std::min(window, 0xffffU));
  // A window that is open must not seem shut.
  return static_cast<std::uint16_t>(
      std::clamp(window >> kPersonaScale, window == 0 ? 0U : 1U, 0xffffU));
}

}  // namespace mitibox
