// SPDX-License-Identifier: BSD-3-Clause
#include "opener.hpp"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_mempool.h>

#include <array>
#include <stdexcept>
#include <vector>

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
  std::uint64_t mine = 0;
  std::vector<Flow> flows;
  for (std::uint64_t at = 0; at < preload.connections; ++at) {
    const Flow f = flow(at, preload.family, preload.protocol);
    if (preload.owner == nullptr || preload.owner->of(f.outside) == preload.self)
      flows.push_back(f);
    if (flows.size() < kBurst && at + 1 < preload.connections) continue;
    mine += flows.size();
    const std::size_t steps = preload.protocol == protocol::kTcp ? 3 : 2;
    for (std::size_t step = 0; step < steps && !flows.empty(); ++step) {
      std::array<rte_mbuf*, kBurst> frames{};
      Side from = Side::outside;
      for (std::size_t i = 0; i < flows.size(); ++i) {
        const Segment s = opening(flows[i], preload.first)[step];
        from = s.from;
        frames[i] = make_frame(pool, flows[i], s);
      }
      chain.process(from, {frames.data(), flows.size()}, clock.read());
      chain.transmit().flush();
    }
    flows.clear();
  }
  const std::uint32_t open = chain.tracker().table(preload.family).size();
  if (open != mine)
    throw std::runtime_error(fmt::format(
        "{} of {} connections could be opened: is tables.connections large enough, and does the "
        "policy serve them?",
        open, mine));
  return mine == 0 ? 0 : (rte_rdtsc() - start) / mine;
}

}  // namespace mitibox::bench
