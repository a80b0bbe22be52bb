// SPDX-License-Identifier: BSD-3-Clause
#include "opener.hpp"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_mempool.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "tracker/tracker.hpp"

namespace mitibox::bench {

namespace {

constexpr std::uint16_t kLongest = 1518;

}  // namespace

rte_mbuf* make_frame(rte_mempool* pool, const Flow& flow, const Segment& segment) {
  rte_mbuf* const m = rte_pktmbuf_alloc(pool);
  if (m == nullptr) throw std::runtime_error("no buffer left to make a frame in");
  auto* const bytes = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(m, kLongest));
  if (bytes == nullptr) throw std::runtime_error("buffers too small to make a frame in");
  rte_pktmbuf_trim(m, static_cast<std::uint16_t>(kLongest - write_frame(flow, segment, bytes)));
  return m;
}

std::uint64_t open_connections(Chain& chain, rte_mempool* pool, const Preload& preload,
                               const Clock& clock) {
  if (preload.connections == 0) return 0;
  const std::uint64_t start = rte_rdtsc();
  for (std::uint64_t at = 0; at < preload.connections; at += kBurst) {
    const std::uint64_t n = std::min<std::uint64_t>(kBurst, preload.connections - at);
    const std::size_t steps = preload.protocol == protocol::kTcp ? 3 : 2;
    for (std::size_t step = 0; step < steps; ++step) {
      std::array<rte_mbuf*, kBurst> frames{};
      Side from = Side::outside;
      for (std::uint64_t i = 0; i < n; ++i) {
        const Flow f = flow(at + i, preload.family, preload.protocol);
        const Segment s = opening(f, preload.first)[step];
        from = s.from;
        frames[i] = make_frame(pool, f, s);
      }
      chain.process(from, {frames.data(), n}, clock.read());
      chain.transmit().flush();
    }
  }
  const std::uint32_t open = chain.tracker().table(preload.family).size();
  if (open != preload.connections)
    throw std::runtime_error(fmt::format(
        "{} of {} connections could be opened: is tables.connections large enough, and does the "
        "policy serve them?",
        open, preload.connections));
  return (rte_rdtsc() - start) / preload.connections;
}

}  // namespace mitibox::bench
