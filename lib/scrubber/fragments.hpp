// SPDX-License-Identifier: BSD-3-Clause
/// Fragments that follow a judged first one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "packet/packet.hpp"

namespace mitibox {

/// Owned by one lcore. Remembers first fragments that were forwarded; what follows one of them
/// passes the same way, anything else does not. Fixed memory: sets of four, the oldest goes.
class Fragments {
 public:
  static constexpr std::uint32_t kLifetime = 2000;  ///< ms, rule S-FRAG-3

  Fragments(const Secrets& secrets, std::uint32_t entries);

  /// A first fragment was forwarded.
  void remember(const Packet& first, Now now);
  /// Whether a later fragment belongs to one that was, and does not reach back into it (RFC 1858).
  [[nodiscard]] bool follows(const Packet& later, Now now) const;

  static std::size_t memory_bytes(std::uint32_t entries);

 private:
  struct Entry {
    std::uint64_t identity = 0;  ///< keyed hash of addresses, protocol, identifier; 0: free
    Tick seen = 0;
    std::uint16_t covered = 0;  ///< bytes of the datagram that the first fragment holds
  };
  static constexpr std::size_t kWays = 4;

  [[nodiscard]] std::uint64_t identity(const Packet& p) const;
  [[nodiscard]] std::size_t set_of(std::uint64_t identity) const {
    return (identity >> 32U) % sets_ * kWays;
  }

  Key128 key_;
  std::size_t sets_;
  std::vector<Entry> entries_;
};

/// Bytes into the datagram at which this fragment's payload starts; more_follow: the M flag.
struct FragmentPosition {
  std::uint32_t id = 0;
  std::uint16_t offset = 0;
  bool more_follow = false;
};
/// Of a packet whose `fragment` is set.
FragmentPosition fragment_position(const Packet& p);
/// Whether it holds something, ends at a multiple of 8 bytes unless it is the last, and lies within
/// the longest datagram (RFC 791 3.2, RFC 8200 4.5).
bool fragment_fits(const Packet& p);
/// S-IP6-6: an atomic fragment (RFC 6946) is a whole packet; takes out the header that stands right
/// behind the IPv6 header. `protocol` is that of the upper layer already.
void strip_fragment_header(Packet& p);

}  // namespace mitibox
