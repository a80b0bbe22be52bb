// SPDX-License-Identifier: BSD-3-Clause
/// A packet as attackers, clients and hosts see it, to and from real frames.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <optional>

#include "packet/packet.hpp"

namespace mitibox::arena {

/// How a stack's packets look.
struct Look {
  std::uint8_t ttl = 64;
  std::uint16_t window = 64240;
  std::array<std::uint8_t, 12> options{};  ///< of a SYN or SYN/ACK
  std::uint8_t option_bytes = 0;           ///< a multiple of four

  friend bool operator==(const Look&, const Look&) = default;
};

/// What a Segment is. All but TCP and UDP over IPv4 alone.
enum class Carrier : std::uint8_t {
  tcp,
  udp,
  echo_request,
  echo_reply,
  unreachable,  ///< port unreachable; its ports are those of the datagram it is about, turned round
};

/// Numbers in host byte order.
struct Segment {
  Address source, destination;
  Carrier carrier = Carrier::tcp;
  std::uint16_t source_port = 0, destination_port = 0;  ///< of an echo: both its identifier
  std::uint32_t sequence = 0, acknowledgement = 0;
  std::uint8_t flags = 0;
  std::uint16_t length = 0;  ///< of the data
  Look look;

  [[nodiscard]] bool is(std::uint8_t which) const {
    return carrier == Carrier::tcp &&
           (flags & (tcp::kSyn | tcp::kAck | tcp::kRst | tcp::kFin)) == which;
  }
  /// Asks for something, as far as one packet shows: a SYN, a datagram, an echo request.
  [[nodiscard]] bool asks() const;
  /// Is what somebody who is there and willing says to that.
  [[nodiscard]] bool agrees() const;
  /// What acknowledges it.
  [[nodiscard]] std::uint32_t next() const {
    return sequence + length + ((flags & (tcp::kSyn | tcp::kFin)) != 0 ? 1U : 0U);
  }
  /// The same ends, the other way; of an echo request the reply.
  [[nodiscard]] Segment back(std::uint8_t with) const;
};

inline constexpr std::uint8_t kSynAck = tcp::kSyn | tcp::kAck;
inline constexpr std::uint8_t kRstAck = tcp::kRst | tcp::kAck;
inline constexpr std::uint8_t kFinAck = tcp::kFin | tcp::kAck;

/// Looks of the population's stacks: Linux, Windows, an appliance.
extern const std::array<Look, 3> kStacks;

/// Throws std::runtime_error when the pool is empty.
rte_mbuf* make_frame(rte_mempool* pool, Side from, const Segment& segment);
/// Nothing when the frame is none of these over untagged IP without options.
std::optional<Segment> read_frame(const rte_mbuf* frame);

}  // namespace mitibox::arena
