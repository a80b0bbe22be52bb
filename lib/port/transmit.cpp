// SPDX-License-Identifier: BSD-3-Clause
#include "port/transmit.hpp"

#include <algorithm>

#include "chain/chain.hpp"

namespace mitibox {

void Transmit::flush() {
  send(Side::outside);
  send(Side::inside);
}

void Transmit::finish() {
  flush();
  for (const Side to : {Side::outside, Side::inside}) {
    Queue& q = queues_[index(to)];
    for (std::uint16_t i = 0; i < q.count; ++i) refuse(q.frames[i], to, q.origins[i]);
    q.count = q.made = 0;
  }
}

void Transmit::send(Side to) {
  Queue& q = queues_[index(to)];
  if (q.count == 0) return;
  if (observer_ != nullptr && observer_->capture.on()) [[unlikely]]
    show(to);
  const std::uint16_t sent = std::min(wire_.send(to, q.frames.data(), q.count), q.count);
  const auto* origins = q.origins.data();
  const auto made =
      q.made == 0 ? std::uint16_t{0}
                  : static_cast<std::uint16_t>(std::count(origins, origins + sent, Origin::made));
  counters_.forwarded[index(to)].add(std::uint64_t{sent} - made);
  if (made != 0) counters_.made[index(to)].add(made);
  if (sent != q.count) {
    std::copy(q.frames.data() + sent, q.frames.data() + q.count, q.frames.data());
    std::copy(origins + sent, origins + q.count, q.origins.data());
  }
  q.count = static_cast<std::uint16_t>(q.count - sent);
  q.made = static_cast<std::uint16_t>(q.made - made);
  q.seen = q.count;
}

/// What waits since the last flush was shown then.
void Transmit::show(Side to) {
  const Queue& q = queues_[index(to)];
  for (std::uint16_t i = q.seen; i < q.count; ++i)
    observer_->capture.leaves(
        to, q.origins[i] == Origin::made ? Capture::What::made : Capture::What::forwarded,
        q.frames[i], observer_->now);
}

void Transmit::refuse(rte_mbuf* frame, Side to, Origin origin) {
  (origin == Origin::received ? counters_.refused : counters_.made_refused)[index(to)].add();
  discard(frame);
}

}  // namespace mitibox
