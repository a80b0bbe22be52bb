// SPDX-License-Identifier: BSD-3-Clause
/// The TCP connection's states as a middlebox sees them (RFC 9293 section 3.3.2, seen from outside
/// of both ends).
#pragma once

#include <array>
#include <cstdint>

#include "packet/wire.hpp"

namespace mitibox {

enum class TcpState : std::uint8_t {
  syn_sent,      ///< the opener's SYN passed
  simultaneous,  ///< both ends sent a SYN
  syn_received,  ///< a SYN/ACK passed
  established,   ///< the handshake is complete, or was picked up
  closing,       ///< one FIN passed
  last_ack,      ///< both FINs passed
  time_wait,     ///< both FINs were acknowledged
  reset,         ///< a reset passed
};
inline constexpr std::size_t kTcpStates = 8;

/// A segment by its flags; the Scrubber has left no other combination.
enum class TcpEvent : std::uint8_t { syn, syn_ack, ack, fin, rst };
inline constexpr std::size_t kTcpEvents = 5;

constexpr TcpEvent tcp_event(std::uint8_t flags) {
  if ((flags & tcp::kRst) != 0) return TcpEvent::rst;
  if ((flags & tcp::kSyn) != 0) return (flags & tcp::kAck) != 0 ? TcpEvent::syn_ack : TcpEvent::syn;
  return (flags & tcp::kFin) != 0 ? TcpEvent::fin : TcpEvent::ack;
}

/// What a segment does to the state. `illegal`: it makes no sense there and is dropped.
/// `judge`: a SYN that the Tracker decides on (repetition, restart, or challenge).
enum class TcpStep : std::uint8_t {
  syn_sent,
  simultaneous,
  syn_received,
  established,
  closing,
  last_ack,
  time_wait,
  reset,
  illegal,
  judge,
};

constexpr TcpStep step_to(TcpState s) {
  return static_cast<TcpStep>(s);
}
constexpr TcpState state_of(TcpStep s) {
  return static_cast<TcpState>(s);
}

using TcpRow = std::array<TcpStep, kTcpEvents>;  // syn, syn_ack, ack, fin, rst

/// Segments of the end that opened the connection.
inline constexpr std::array<TcpRow, kTcpStates> kFromOpener = [] {
  using enum TcpStep;
  return std::array<TcpRow, kTcpStates>{{
      // syn_sent: nothing has answered yet, so there is nothing to acknowledge
      {judge, illegal, illegal, illegal, reset},
      // simultaneous: its SYN/ACK answers the other's SYN
      {judge, syn_received, established, closing, reset},
      // syn_received: the third segment, bare, with data or with FIN
      {judge, syn_received, established, closing, reset},
      // established: a SYN/ACK can only repeat one of a simultaneous open
      {judge, established, established, closing, reset},
      // closing: whether this is the second FIN or a repetition the Tracker tells
      {judge, illegal, closing, closing, reset},
      // last_ack: becomes time_wait once both FINs are acknowledged
      {judge, illegal, last_ack, last_ack, reset},
      // time_wait: repetitions of the last ACK and of FINs
      {judge, illegal, time_wait, time_wait, time_wait},
      // reset: a reset can be lost, or stand beyond what its receiver has: what that one says next,
      // a challenge too (RFC 5961), must get through to be answered with another
      {judge, illegal, reset, reset, reset},
  }};
}();

/// Segments of the other end.
inline constexpr std::array<TcpRow, kTcpStates> kFromResponder = [] {
  using enum TcpStep;
  return std::array<TcpRow, kTcpStates>{{
      // syn_sent: a SYN/ACK, a refusal, or a SYN of its own; an ACK is a challenge (RFC 5961)
      {judge, syn_received, syn_sent, illegal, reset},
      // simultaneous: its SYN/ACK
      {judge, syn_received, established, closing, reset},
      // syn_received: it repeats its SYN/ACK; data may overtake the opener's ACK's record
      {judge, syn_received, syn_received, closing, reset},
      // established: a late SYN/ACK means that the opener's ACK was lost
      {judge, established, established, closing, reset},
      // closing: a late SYN/ACK, as above
      {judge, closing, closing, closing, reset},
      // last_ack
      {judge, illegal, last_ack, last_ack, reset},
      // time_wait
      {judge, illegal, time_wait, time_wait, time_wait},
      // reset: as above; a SYN/ACK of a host that has not got it
      {judge, reset, reset, reset, reset},
  }};
}();

}  // namespace mitibox
