// SPDX-License-Identifier: BSD-3-Clause
#include "port/transmit.hpp"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "base/poison.hpp"
#include "chain/chain.hpp"

namespace mitibox {

namespace {

constexpr std::uint32_t kMinimum = 60;  // without the frame check sequence

/// False when the buffer has no room for the padding.
bool pad(rte_mbuf* frame) {
  if (frame->pkt_len >= kMinimum) return true;
  const auto missing = static_cast<std::uint16_t>(kMinimum - frame->pkt_len);
  char* padding = rte_pktmbuf_append(frame, missing);
  if (padding == nullptr) return false;
  std::memset(padding, 0, missing);
  return true;
}

/// Whatever reception or an earlier user of the buffer left would ask the port for rewriting.
void clear_offloads(rte_mbuf* frame) {
  frame->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
  frame->tx_offload = 0;
  frame->vlan_tci = 0;
  frame->vlan_tci_outer = 0;
}

}  // namespace

void Transmit::queue(rte_mbuf* frame, Side to, Origin origin) {
  unpoison_frame(frame);
  Queue& q = queues_[index(to)];
  if (q.count == kQueue || !pad(frame)) {
    refuse(frame, to, origin);
    return;
  }
  clear_offloads(frame);
  q.frames[q.count] = frame;
  q.origins[q.count] = origin;
  ++q.count;
}

void Transmit::flush() {
  send(Side::outside);
  send(Side::inside);
}

void Transmit::finish() {
  flush();
  for (const Side to : {Side::outside, Side::inside}) {
    Queue& q = queues_[index(to)];
    for (std::uint16_t i = 0; i < q.count; ++i) refuse(q.frames[i], to, q.origins[i]);
    q.count = 0;
  }
}

void Transmit::send(Side to) {
  Queue& q = queues_[index(to)];
  if (q.count == 0) return;
  const std::uint16_t sent = std::min(wire_.send(to, q.frames.data(), q.count), q.count);
  const auto* origins = q.origins.data();
  const auto received =
      static_cast<std::uint64_t>(std::count(origins, origins + sent, Origin::received));
  counters_.forwarded[index(to)].add(received);
  counters_.made[index(to)].add(sent - received);
  std::copy(q.frames.data() + sent, q.frames.data() + q.count, q.frames.data());
  std::copy(origins + sent, origins + q.count, q.origins.data());
  q.count = static_cast<std::uint16_t>(q.count - sent);
}

void Transmit::refuse(rte_mbuf* frame, Side to, Origin origin) {
  (origin == Origin::received ? counters_.refused : counters_.made_refused)[index(to)].add();
  discard(frame);
}

}  // namespace mitibox
