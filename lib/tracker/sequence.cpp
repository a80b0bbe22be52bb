// SPDX-License-Identifier: BSD-3-Clause
#include "tracker/sequence.hpp"

#include <algorithm>

#include "packet/cursor.hpp"
#include "packet/offer.hpp"

namespace mitibox {

namespace {

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
    if (*at == tcp::kOptionWindowScale) return std::min(at[2], SynOffer::kMaxScale);
    at += at[1];
  }
  return -1;
}

}  // namespace

void start_end(TcpEnd& sender, TcpEnd& receiver, const Packet& s) {
  const int scale = window_scale(s);
  sender.end = detail::segment_end(s);
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
  if (detail::has_ack(s)) sender.acked = s.acknowledgement;
}

void pick_up(TcpEnd& sender, TcpEnd& receiver, const Packet& s) {
  // Nobody saw the SYNs: take the largest scale, so that no segment in flight is misjudged.
  sender.scale = receiver.scale = SynOffer::kMaxScale;
  sender.seen = receiver.seen = true;
  sender.picked_up = receiver.picked_up = true;
  sender.end = detail::segment_end(s);
  sender.acked = s.acknowledgement;
  // More than it offers now may be in flight towards it.
  sender.max_window = std::max<std::uint32_t>(detail::scaled_window(sender, s), 65535);
  receiver.end = s.acknowledgement;
  receiver.acked = s.sequence;
  receiver.max_window = sender.max_window;
  receiver.limit = s.acknowledgement + sender.max_window;
  sender.limit = sender.end + receiver.max_window;
}

}  // namespace mitibox
