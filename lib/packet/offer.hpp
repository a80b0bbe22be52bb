// SPDX-License-Identifier: BSD-3-Clause
/// What a client's SYN offers for the connection.
#pragma once

#include <cstdint>

#include "packet/packet.hpp"

namespace mitibox {

struct SynOffer {
  static constexpr std::uint8_t kMaxScale = 14;  ///< RFC 7323 2.3: a larger one counts as 14
  static constexpr std::uint8_t kNoScale = 15;

  std::uint16_t mss = 536;  ///< bytes; without the option 536 (v6: 1220), RFC 9293 3.7.1
  std::uint8_t window_scale = kNoScale;  ///< 0..14, or kNoScale without the option
  bool sack = false;

  [[nodiscard]] bool scaled() const { return window_scale != kNoScale; }
  friend constexpr bool operator==(const SynOffer&, const SynOffer&) = default;
};

/// Reads the options of a TCP SYN; stops at the first that is malformed.
SynOffer read_offer(const Packet& syn);

}  // namespace mitibox
