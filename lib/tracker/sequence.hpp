// SPDX-License-Identifier: BSD-3-Clause
/// Sequence-window checks (RFC 9293 section 3.10.7; bounds after van Rooij, "Real Stateful TCP
/// Packet Filtering in IP Filter", 2001).
#pragma once

#include <algorithm>
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

namespace detail {

/// An acknowledgement may be this much older than the newest: data in flight both ways.
inline constexpr std::uint32_t kMinAckSlack = 66000;
inline constexpr std::uint32_t kMaxAckSlack = 1U << 30U;  // numbers compare within 2^31

inline std::uint32_t segment_end(const Packet& s) {
  return s.sequence + s.payload_length() + ((s.tcp_flags & tcp::kSyn) != 0 ? 1U : 0U) +
         ((s.tcp_flags & tcp::kFin) != 0 ? 1U : 0U);
}

inline bool has_ack(const Packet& s) {
  return (s.tcp_flags & tcp::kAck) != 0;
}

/// A RST without ACK acknowledges nothing, and older stacks put 0 there.
inline std::uint32_t acknowledged(const TcpEnd& receiver, const Packet& s) {
  return has_ack(s) ? s.acknowledgement : receiver.end;
}

inline std::uint32_t scaled_window(const TcpEnd& sender, const Packet& s) {
  return (s.tcp_flags & tcp::kSyn) != 0 ? s.window : s.window << sender.scale;
}

}  // namespace detail

/// The first SYN, or SYN/ACK, of an end: sets what it has sent and offers.
void start_end(TcpEnd& sender, TcpEnd& receiver, const Packet& segment);

/// Picks a connection up in its middle: whatever the segment says is taken as in order.
void pick_up(TcpEnd& sender, TcpEnd& receiver, const Packet& segment);

/// Whether the segment lies within what its receiver can accept. Not for a SYN.
inline bool in_window(const TcpEnd& sender, const TcpEnd& receiver, const Packet& s) {
  const std::uint32_t end = detail::segment_end(s);
  const std::uint32_t ack = detail::acknowledged(receiver, s);
  // One octet beyond the limit: a probe of a closed window.
  if (seq_after(s.sequence, sender.limit + 1)) return false;
  // Older than any window that the receiver ever had; one octet more for keepalives.
  if (seq_before(end, sender.end - receiver.max_window - 1)) return false;
  if (seq_after(ack, receiver.picked_up ? receiver.limit : receiver.end)) return false;
  // RFC 5961 section 5.2 takes what is a window older than the oldest octet in flight, which in
  // turn is at most a window old.
  const std::uint32_t slack =
      std::clamp(2 * sender.max_window, detail::kMinAckSlack, detail::kMaxAckSlack);
  return !seq_before(ack, receiver.end - slack);
}

/// Takes an accepted segment into account. Not for a SYN.
inline void advance(TcpEnd& sender, TcpEnd& receiver, const Packet& s) {
  const std::uint32_t end = detail::segment_end(s);
  const std::uint32_t ack = detail::acknowledged(receiver, s);
  if (!sender.seen) {
    sender.end = end;
    sender.limit = end;
    sender.seen = true;
  }
  if (seq_after(end, sender.end)) sender.end = end;
  if ((s.tcp_flags & tcp::kFin) != 0) sender.fin = true;
  if (!detail::has_ack(s)) return;
  const std::uint32_t window = detail::scaled_window(sender, s);
  // What its peer acknowledges it has sent.
  if (seq_after(ack, receiver.end)) receiver.end = ack;
  if (seq_after(ack, sender.acked)) sender.acked = ack;
  sender.max_window = std::max(sender.max_window, window);
  if (seq_after(ack + window, receiver.limit)) receiver.limit = ack + window;
}

/// Whether a reset stands exactly where its receiver expects the next octet (RFC 5961 section 3).
inline bool reset_is_exact(const TcpEnd& sender, const TcpEnd& receiver, const Packet& s) {
  return s.sequence == sender.end || s.sequence == receiver.acked;
}

}  // namespace mitibox
