// SPDX-License-Identifier: BSD-3-Clause
/// Rules S-TCP-2 and S-TCP-3, and S-UDP-1's cut: what is rewritten in place.
#pragma once

#include <array>
#include <cstring>

#include "packet/packet.hpp"
#include "packet/wire.hpp"

namespace mitibox {

/// By the low five flag bits: what stacks send.
inline constexpr std::array<bool, 32> kLegalFlags = [] {
  using namespace tcp;
  std::array<bool, 32> legal{};
  for (const int f : {+kSyn, kSyn | kAck, +kAck, kFin | kAck, +kRst, kRst | kAck, kPsh | kAck,
                      kFin | kPsh | kAck})
    legal[static_cast<std::size_t>(f)] = true;
  return legal;
}();

/// Whether normalise_flags() would find nothing to do.
inline bool flags_are_normal(const TcpHeader& tcp) {
  return (tcp.offset_reserved & 0x0fU) == 0 && tcp.flags < kLegalFlags.size() &&
         kLegalFlags[tcp.flags] && tcp.urgent.raw() == 0;
}

/// Whether the options are the two NOPs and timestamps that nearly every segment of a Linux
/// connection carries, or the one MSS of a scanner's SYN.
inline bool options_are_usual(const TcpHeader& tcp) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(&tcp) + sizeof(TcpHeader);
  const std::size_t length = tcp.header_length();
  std::uint32_t first = 0;
  if (length == sizeof(TcpHeader) + 12) {
    constexpr std::uint32_t kTimestamps = 0x0a080101;
    std::memcpy(&first, at, sizeof first);
    return first == kTimestamps;
  }
  if (length == sizeof(TcpHeader) + 4) {
    constexpr std::uint32_t kMss = 0x0402;
    std::memcpy(&first, at, sizeof first);
    return (first & 0xffffU) == kMss;
  }
  return false;
}

/// Clears the reserved bits, the urgent pointer and, unless `keep_ecn`, ECE and CWR; clears URG
/// where ACK is set; adjusts the checksum. False when what remains is no combination that a stack
/// sends.
bool normalise_flags(TcpHeader& tcp, bool keep_ecn);

/// False when an option overruns the header, has a wrong length, or stands twice. Bytes behind the
/// end of the list become zero. The header must lie within bounds with its options.
bool normalise_options(TcpHeader& tcp);

/// S-TCP-4, N-OUT-13: lays the options of a SYN or SYN/ACK anew as all stacks here do: MSS, then
/// window scale and SACK where it has them, and nothing else (no timestamps: they tell the host's
/// uptime). Numbers that are signed (RFC 2385, RFC 5925) and data in a SYN keep it as it is.
void normalise_syn(Packet& p);

/// Rewrites the IP length (and IPv4 checksum) after packet.end moved down, and cuts the frame.
void shorten(Packet& packet);

}  // namespace mitibox
