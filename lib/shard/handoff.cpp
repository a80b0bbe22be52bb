// SPDX-License-Identifier: BSD-3-Clause
#include "shard/handoff.hpp"

#include <fmt/format.h>
#include <rte_errno.h>

#include <stdexcept>

namespace mitibox {

HandOff::HandOff(const std::string& name, unsigned workers, unsigned size) : workers_(workers) {
  if (workers > kMaxWorkers)
    throw std::runtime_error(
        fmt::format("{} workers asked for, expected at most {}", workers, kMaxWorkers));
  constexpr unsigned kFlags = RING_F_EXACT_SZ | RING_F_SP_ENQ | RING_F_SC_DEQ;
  for (unsigned pair = 0; pair < workers * workers; ++pair) {
    rings_.emplace_back();
    if (pair / workers == pair % workers) continue;
    const std::string ring = fmt::format("{} {}-{}", name, pair / workers, pair % workers);
    rings_.back().reset(rte_ring_create(ring.c_str(), size, SOCKET_ID_ANY, kFlags));
    if (rings_.back() == nullptr)
      throw std::runtime_error(
          fmt::format("cannot allocate {}: {} entries: {}", ring, size, rte_strerror(rte_errno)));
  }
}

}  // namespace mitibox
