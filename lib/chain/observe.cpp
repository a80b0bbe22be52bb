// SPDX-License-Identifier: BSD-3-Clause
// What the control plane is told of a burst beyond counters.
#include "chain/rooms.hpp"

namespace mitibox {

/// Before the frames leave.
void Chain::Rooms::observe(Now now) {
  if (unlisted.empty()) return;
  std::array<std::uint8_t, kBurst> places;
  std::uint32_t n = 0;
  unlisted.each([&](std::size_t i) { places[n++] = static_cast<std::uint8_t>(i); });
  observer->sampler.take(n, now, [&](std::uint32_t which, std::uint32_t weight) {
    const Packet& p = packets[places[which]];
    const Destination target = p.target();
    observer->sources.add({p.source()}, weight, now);
    observer->destinations.add({target.address, target.port, target.protocol}, weight, now);
  });
}

}  // namespace mitibox
