// SPDX-License-Identifier: BSD-3-Clause
/// The one way out of the box.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "base/poison.hpp"
#include "observe/counters.hpp"
#include "observe/observer.hpp"
#include "packet/packet.hpp"

namespace mitibox {

/// Where frames go: a port's TX queue in the appliance, a capture file offline.
class Wire {
 public:
  virtual ~Wire() = default;
  /// Takes the first n of `frames` (ownership too) and returns n; the rest stay the caller's.
  virtual std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) = 0;
};

/// Owned by one lcore. Queues frames by port and sends them in bursts; what a port does not take
/// at once waits for the next flush, and is refused when the queue is full.
class Transmit {
 public:
  enum class Origin : std::uint8_t { received, made };
  static constexpr std::size_t kQueue = 512;

  /// `observer`: sees what leaves, while it captures; nullptr: nobody does.
  Transmit(Wire& wire, Counters& counters, Observer* observer = nullptr)
      : wire_(wire), counters_(counters), observer_(observer) {}

  /// Takes the frame: pads it with zeros to 60 bytes, clears stale offload fields, queues it.
  /// Whether there was room; it is freed otherwise.
  bool queue(rte_mbuf* frame, Side to, Origin origin) {
    Queue& q = queues_[index(to)];
    if (q.count == kQueue || !prepare(frame)) [[unlikely]] {
      refuse(frame, to, origin);
      return false;
    }
    q.frames[q.count] = frame;
    q.origins[q.count] = origin;
    ++q.count;
    if (origin == Origin::made) ++q.made;
    return true;
  }

  /// Offers everything queued to the ports once.
  void flush();

  /// Offers everything queued, and counts as refused what the ports still do not take.
  void finish();

 private:
  struct Queue {
    std::array<rte_mbuf*, kQueue> frames;
    std::array<Origin, kQueue> origins;
    std::uint16_t count = 0;
    std::uint16_t made = 0;  ///< of these, of the box's own
    std::uint16_t seen = 0;  ///< of these, shown to the observer
  };
  static constexpr std::uint32_t kMinimum = 60;  ///< bytes without the frame check sequence

  /// False when the buffer has no room for the padding.
  static bool prepare(rte_mbuf* frame) {
    unpoison_frame(frame);
    // Whatever reception or an earlier user of the buffer left would ask the port for rewriting.
    frame->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
    frame->tx_offload = 0;
    frame->vlan_tci = 0;
    frame->vlan_tci_outer = 0;
    if (frame->pkt_len >= kMinimum) return true;
    const auto missing = static_cast<std::uint16_t>(kMinimum - frame->pkt_len);
    constexpr std::uint64_t kZeros = 0;
    if (missing <= sizeof kZeros && frame->nb_segs == 1 &&
        rte_pktmbuf_tailroom(frame) >= sizeof kZeros) [[likely]] {
      std::memcpy(rte_pktmbuf_mtod_offset(frame, char*, frame->data_len), &kZeros, sizeof kZeros);
      frame->pkt_len = frame->data_len = static_cast<std::uint16_t>(kMinimum);
      return true;
    }
    char* padding = rte_pktmbuf_append(frame, missing);
    if (padding == nullptr) return false;
    std::memset(padding, 0, missing);
    return true;
  }
  void send(Side to);
  void show(Side to);
  void refuse(rte_mbuf* frame, Side to, Origin origin);

  Wire& wire_;
  Counters& counters_;
  Observer* observer_;
  std::array<Queue, kSides> queues_;
};

}  // namespace mitibox
