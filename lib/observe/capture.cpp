// SPDX-License-Identifier: BSD-3-Clause
#include "observe/capture.hpp"

#include <algorithm>
#include <cstring>

#include "base/poison.hpp"
#include "packet/parse.hpp"

namespace mitibox {

Capture::Capture(const std::string& name) : slots_(kSlots, {name, "the number of lcores"}) {}

void Capture::ended(std::span<const Packet> burst, Now now) {
  for (const Packet& p : burst) {
    if (p.verdict != Verdict::drop && p.verdict != Verdict::consumed) continue;
    if (filter_.reason ? p.reason == *filter_.reason : matches(p))
      copy(p.frame, {p.from, What::ended, p.reason}, now);
  }
}

void Capture::leaves(Side to, What what, rte_mbuf* frame, Now now) {
  // Frames of several segments are joined when they are received.
  if (!filter_.address || frame->nb_segs > 1) return;
  Packet p;
  p.frame = frame;
  if (!parse_frame(p) && matches(p)) copy(frame, {to, what, Reason{}}, now);
}

void Capture::copy(const rte_mbuf* frame, const Note& note, Now now) {
  const std::uint32_t head = head_.load(std::memory_order_relaxed);
  if (frame == nullptr || head - tail_.load(std::memory_order_acquire) == kSlots) {
    lost_.add();
    return;
  }
  Frame& slot = slots_[head % kSlots];
  slot.time = now.time;
  slot.length = frame->pkt_len;
  slot.captured = std::min({frame->data_len, filter_.bytes, kMostBytes});
  slot.port = note.port;
  slot.what = note.what;
  slot.reason = note.reason;
  std::memcpy(slot.bytes.data(), rte_pktmbuf_mtod(frame, const std::uint8_t*), slot.captured);
  head_.store(head + 1, std::memory_order_release);
}

}  // namespace mitibox
