// SPDX-License-Identifier: BSD-3-Clause
#include "tracker/sequence.hpp"

#include <algorithm>

#include "packet/cursor.hpp"

namespace mitibox {

namespace {

constexpr std::uint8_t kMaxScale = 14;  // RFC 7323 section 2.3
/// An acknowledgement may be this much older than the newest: data in flight both ways.
constexpr std::uint32_t kMinAckSlack = 66000;
constexpr std::uint32_t kMaxAckSlack = 1U << 30U;  // numbers compare within 2^31

std::uint32_t segment_end(const Packet& s) {
  return s.sequence + s.payload_length() + ((s.tcp_flags & tcp::kSyn) != 0 ? 1U : 0U) +
         ((s.tcp_flags & tcp::kFin) != 0 ? 1U : 0U);
}

bool has_ack(const Packet& s) {
  return (s.tcp_flags & tcp::kAck) != 0;
}

/// A RST without ACK acknowledges nothing, and older stacks put 0 there.
std::uint32_t acknowledged(const TcpEnd& receiver, const Packet& s) {
  return has_ack(s) ? s.acknowledgement : receiver.end;
}

/// The window scale option of a SYN; -1 without one. The Scrubber has checked the list.
int window_scale(const Packet& s) {
  const std::uint8_t* at = s.data() + s.l4 + sizeof(TcpHeader);
  const std::uint8_t* end = s.data() + s.payload;
  while (at < end && *at != tcp::kOptionEnd) {
    if (*at == tcp::kOptionNop) {
      ++at;
      continue;
    }
    if (end - at < 3 || at[1] < 2) break;
    if (*at == tcp::kOptionWindowScale) return std::min(at[2], kMaxScale);
    at += at[1];
  }
  return -1;
}

std::uint32_t scaled_window(const TcpEnd& sender, const Packet& s) {
  return (s.tcp_flags & tcp::kSyn) != 0 ? s.window : s.window << sender.scale;
}

}  // namespace

void start_end(TcpEnd& sender, TcpEnd& receiver, const Packet& s) {
  const int scale = window_scale(s);
  sender.end = segment_end(s);
  sender.max_window = std::max<std::uint32_t>(s.window, 1);
  sender.scale_offered = scale >= 0;
  sender.scale = static_cast<std::uint8_t>(std::max(scale, 0));
  sender.seen = true;
  sender.limit = sender.end;
  receiver.acked = s.sequence;
  if (!receiver.seen) return;
  // RFC 7323 section 2.2: scaling is on only when both SYNs offer it.
  if (!sender.scale_offered || !receiver.scale_offered) sender.scale = receiver.scale = 0;
  sender.limit = sender.end + receiver.max_window;
  receiver.limit = receiver.end + sender.max_window;
  if (has_ack(s)) sender.acked = s.acknowledgement;
}

void pick_up(TcpEnd& sender, TcpEnd& receiver, const Packet& s) {
  // Nobody saw the SYNs: take the largest scale, so that no segment in flight is misjudged.
  sender.scale = receiver.scale = kMaxScale;
  sender.seen = receiver.seen = true;
  sender.picked_up = receiver.picked_up = true;
  sender.end = segment_end(s);
  sender.acked = s.acknowledgement;
  // More than it offers now may be in flight towards it.
  sender.max_window = std::max<std::uint32_t>(scaled_window(sender, s), 65535);
  receiver.end = s.acknowledgement;
  receiver.acked = s.sequence;
  receiver.max_window = sender.max_window;
  receiver.limit = s.acknowledgement + sender.max_window;
  sender.limit = sender.end + receiver.max_window;
}

bool in_window(const TcpEnd& sender, const TcpEnd& receiver, const Packet& s) {
  const std::uint32_t end = segment_end(s);
  const std::uint32_t ack = acknowledged(receiver, s);
  // One octet beyond the limit: a probe of a closed window.
  if (seq_after(s.sequence, sender.limit + 1)) return false;
  // Older than any window that the receiver ever had; one octet more for keepalives.
  if (seq_before(end, sender.end - receiver.max_window - 1)) return false;
  if (seq_after(ack, receiver.picked_up ? receiver.limit : receiver.end)) return false;
  // RFC 5961 section 5.2 takes what is a window older than the oldest octet in flight, which in
  // turn is at most a window old.
  const std::uint32_t slack = std::clamp(2 * sender.max_window, kMinAckSlack, kMaxAckSlack);
  return !seq_before(ack, receiver.end - slack);
}

void advance(TcpEnd& sender, TcpEnd& receiver, const Packet& s) {
  const std::uint32_t end = segment_end(s);
  const std::uint32_t ack = acknowledged(receiver, s);
  if (!sender.seen) {
    sender.end = end;
    sender.limit = end;
    sender.seen = true;
  }
  if (seq_after(end, sender.end)) sender.end = end;
  if ((s.tcp_flags & tcp::kFin) != 0) sender.fin = true;
  if (!has_ack(s)) return;
  const std::uint32_t window = scaled_window(sender, s);
  // What its peer acknowledges it has sent.
  if (seq_after(ack, receiver.end)) receiver.end = ack;
  if (seq_after(ack, sender.acked)) sender.acked = ack;
  sender.max_window = std::max(sender.max_window, window);
  if (seq_after(ack + window, receiver.limit)) receiver.limit = ack + window;
}

bool reset_is_exact(const TcpEnd& sender, const TcpEnd& receiver, const Packet& s) {
  return s.sequence == sender.end || s.sequence == receiver.acked;
}

}  // namespace mitibox
