// SPDX-License-Identifier: BSD-3-Clause
/// What the box remembers of one connection.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

#include "base/time.hpp"
#include "packet/packet.hpp"
#include "tracker/tcp_state.hpp"

namespace mitibox {

/// Less than any host means: as little as Linux gives in to.
inline constexpr std::uint16_t kLeastMss = 48;

/// Which end's segments, windows and limits; sequence numbers in host byte order, modulo 2^32.
struct TcpEnd {
  std::uint32_t end = 0;         ///< behind the last octet that this end has sent
  std::uint32_t limit = 0;       ///< behind the last octet that the other end lets it send
  std::uint32_t max_window = 0;  ///< largest window that this end has offered, scaled
  std::uint32_t acked = 0;       ///< the last acknowledgement that this end has sent
  std::uint8_t scale = 0;        ///< shift of the windows that this end offers
  bool scale_offered : 1 = false;
  bool fin : 1 = false;        ///< has sent FIN; `end` counts it
  bool seen : 1 = false;       ///< has sent anything
  bool reset : 1 = false;      ///< has reset the connection
  bool picked_up : 1 = false;  ///< may have sent more than `end` says, before the box watched
  /// Does not send the SACK that the box has promised its peer. Of the outside end, where the box
  /// has posed as the host: has not offered it.
  bool lacks_sack : 1 = false;
  /// Bytes that it takes in a segment, TCP options included (RFC 6691); 0: what the box has
  /// promised its peer, or more.
  std::uint16_t mss = 0;

  [[nodiscard]] bool limited() const { return mss != 0 || lacks_sack; }
};
static_assert(sizeof(TcpEnd) == 20, "two of them and 24 bytes make a record");

/// How the connection came to be, for eviction: those that anyone can make from afar go first.
enum class Stage : std::uint8_t {
  half_open,  ///< opened from outside, unanswered (or TCP without the third segment)
  datagram,   ///< opened from outside, answered, but no proof of the peer: UDP, echo, others
  settled,    ///< TCP past its handshake, or opened from inside
};

/// One cache line, touched by every packet of the connection. Written by the owner lcore only.
struct alignas(64) Connection {
  Tick last_seen = 0;
  std::uint16_t noted = 0;       ///< when its ends were last noted as active, in units of 256 ms
  std::uint16_t challenged = 0;  ///< time of the last challenge ACK, in units of 64 ms
  TcpEnd ends[kSides];           ///< TCP only, in the inside host's numbers and windows
  std::uint32_t opener_isn = 0;  ///< TCP only
  /// What the inside host's sequence numbers have to be raised by for the outside; see Translation.
  std::uint32_t shift = 0;
  TcpState state = TcpState::syn_sent;  ///< TCP only
  std::uint8_t protocol = 0;
  Side opener : 1 = Side::outside;
  Stage stage : 2 = Stage::settled;
  bool replied : 1 = false;      ///< the responder has sent something
  bool provisional : 1 = false;  ///< picked up from outside; nothing from inside has confirmed it
  bool shifted : 1 = false;      ///< `shift` is to be applied
  /// Opened by the box for a proven client, to whom the box still speaks in the host's stead.
  bool covered : 1 = false;
  bool rescaled : 1 = false;          ///< the outside end scales the persona's windows
  std::uint8_t client_scale : 4 = 0;  ///< of the outside end's windows, if `rescaled`
  bool posed : 1 = false;  ///< opened from inside, with the persona's SYN in place of the host's
  /// seal_of() the record with its key; 0 while the two do not belong together, or the record is
  /// half-written. ConnectionTable writes it, Survivors reads it in what a dead process left.
  std::uint32_t seal = 0;
};
static_assert(sizeof(Connection) == 64, "one cache line: established traffic pays for each more");
static_assert(std::is_trivially_copyable_v<Connection>);

/// Never 0. Of what does not change while a connection lasts; everything else in a record is
/// written field by field, and a packet whose burst was cut short is sent again by its sender.
inline std::uint32_t seal_of(std::span<const std::uint64_t> key, const Connection& c) {
  std::uint64_t h =
      c.opener_isn | std::uint64_t{c.protocol} << 32U | static_cast<std::uint64_t>(c.opener) << 40U;
  for (const std::uint64_t word : key) {
    h = (h ^ word) * 0x9e3779b97f4a7c15U;
    h ^= h >> 29U;
  }
  return static_cast<std::uint32_t>(h >> 32U) | 1U;
}

}  // namespace mitibox
