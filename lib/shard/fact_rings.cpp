// SPDX-License-Identifier: BSD-3-Clause
#include "shard/fact_rings.hpp"

#include <fmt/format.h>
#include <rte_errno.h>

#include <stdexcept>

namespace mitibox {

FactRings::FactRings(const std::string& name, unsigned workers, unsigned size) {
  // A teller that loses its core in the middle holds up others less with relaxed tail sync.
  constexpr unsigned kFlags = RING_F_EXACT_SZ | RING_F_MP_RTS_ENQ | RING_F_SC_DEQ;
  for (unsigned i = 0; i < workers; ++i) {
    const std::string ring = fmt::format("{} facts {}", name, i);
    rings_.emplace_back(
        rte_ring_create_elem(ring.c_str(), sizeof(Fact), size, SOCKET_ID_ANY, kFlags));
    if (rings_.back() == nullptr)
      throw std::runtime_error(
          fmt::format("cannot allocate {}: {} entries: {}", ring, size, rte_strerror(rte_errno)));
  }
  for (unsigned i = 0; i < workers; ++i) {
    sinks_.push_back(std::make_unique<Sink>());
    for (unsigned other = 0; other < workers; ++other)
      if (other != i) sinks_[i]->others.push_back(rings_[other].get());
  }
}

void FactRings::Sink::tell(const Fact& fact) {
  for (rte_ring* ring : others)
    if (rte_ring_enqueue_elem(ring, const_cast<Fact*>(&fact), sizeof fact) != 0) lost.add();
}

}  // namespace mitibox
