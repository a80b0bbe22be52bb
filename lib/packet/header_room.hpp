// SPDX-License-Identifier: BSD-3-Clause
/// TCP segments without data whose options get longer or shorter in place.
#pragma once

#include <cstddef>

#include "packet/packet.hpp"

namespace mitibox {

/// Gives the segment's header room for `options` bytes of options, a multiple of four; what lay
/// behind it is cut off. Lengths and the IPv4 checksum are right then; the options are the caller's
/// to write, who calls sum_segment() when everything is in place. False, and nothing has changed,
/// when the frame's buffer is too small. The frame has one segment and ends with the datagram.
bool resize_options(Packet& p, std::size_t options);

/// Takes the TCP checksum anew.
void sum_segment(Packet& p);

}  // namespace mitibox
