// SPDX-License-Identifier: BSD-3-Clause
/// What a FlowKey was made of.
#pragma once

#include <cstdint>
#include <span>

#include "packet/packet.hpp"

namespace mitibox {

struct FlowEnds {
  End outside, inside;
  std::uint8_t protocol = 0;
};

/// `key`: the words that make_flow_key() used for that family.
FlowEnds ends_of(Family family, std::span<const std::uint64_t> key);

}  // namespace mitibox
