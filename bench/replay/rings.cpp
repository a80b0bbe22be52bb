// SPDX-License-Identifier: BSD-3-Clause
#include "rings.hpp"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <exception>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace mitibox::bench {

namespace {

constexpr double kMostTried = 40e6;       // packets a second
constexpr double kPrecision = 0.1e6;      // packets a second
constexpr double kNearlyNothing = 0.005;  // of what is offered
// A sender that was held up, as only this one can be, does not make up for more than this.
constexpr std::uint64_t kBehind = 2 * kBurst;

rte_ring* make_ring(const char* what, Side side, unsigned size) {
  const std::string name = fmt::format("{} {}", side == Side::outside ? "outside" : "inside", what);
  // One sends and one takes; all of `size` can be used.
  rte_ring* const ring = rte_ring_create(name.c_str(), size, SOCKET_ID_ANY,
                                         RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
  if (ring == nullptr)
    throw std::runtime_error(
        fmt::format("cannot make ring {} of {}: {}", name, size, rte_strerror(rte_errno)));
  return ring;
}

std::uint64_t& stamp_of(rte_mbuf* m, int offset) {
  return *RTE_MBUF_DYNFIELD(m, offset, std::uint64_t*);
}

}  // namespace

RingPorts::RingPorts() {
  for (const Side side : {Side::outside, Side::inside}) {
    in_[index(side)].reset(make_ring("in", side, kIn));
    out_[index(side)].reset(make_ring("out", side, kOut));
    rte_ring* const in = in_[index(side)].get();
    rte_ring* const out = out_[index(side)].get();
    const char* const name = side == Side::outside ? "outside" : "inside";
    if (rte_eth_from_rings(name, &in, 1, &out, 1, 0) != static_cast<int>(index(side)))
      throw std::runtime_error(
          fmt::format("cannot make port {} of rings: {}", name, rte_strerror(rte_errno)));
  }
}

std::vector<Stencil> stencils(Case& source, Side side, std::uint64_t count) {
  std::vector<Stencil> all;
  std::array<std::uint8_t, 1518> bytes{};
  for (std::uint64_t i = 0; i < count; ++i) {
    Stencil s;
    s.length = static_cast<std::uint16_t>(source.frame(side, i, bytes.data()));
    if (s.length == 0) continue;
    if (s.length > s.bytes.size()) throw std::runtime_error("a frame too long for a stencil");
    std::copy_n(bytes.begin(), s.length, s.bytes.begin());
    s.kind = kind_of(bytes.data());
    all.push_back(s);
  }
  return all;
}

std::uint64_t Tally::sum(const ByKind& counts) {
  std::uint64_t total = 0;
  for (const auto& side : counts) total = std::accumulate(side.begin(), side.end(), total);
  return total;
}

Generator::Generator(const RingPorts& ports, rte_mempool* pool, std::vector<Stencil> outside,
                     std::vector<Stencil> inside)
    : ports_(ports), pool_(pool), stencils_{std::move(outside), std::move(inside)} {
  const rte_mbuf_dynfield field{"mitibox_bench_entry", sizeof(std::uint64_t),
                                alignof(std::uint64_t), 0};
  stamp_ = rte_mbuf_dynfield_register(&field);
  if (stamp_ < 0) throw std::runtime_error("no room in the mbuf for a time stamp");
}

std::uint64_t Generator::send(Side side, std::uint64_t wanted, Tally* tally) {
  const std::vector<Stencil>& from = stencils_[index(side)];
  const std::size_t n = std::min<std::uint64_t>(wanted, kBurst);
  if (from.empty()) return n;
  if (spare_.size() < n) {
    const std::size_t have = spare_.size();
    spare_.resize(kBurst);
    if (rte_pktmbuf_alloc_bulk(pool_, spare_.data() + have, static_cast<unsigned>(kBurst - have)) !=
        0) {
      spare_.resize(have);
      throw std::runtime_error("the generator ran out of buffers");
    }
  }
  std::array<rte_mbuf*, kBurst> frames;
  std::array<Kind, kBurst> kinds;
  std::size_t& next = next_[index(side)];
  const std::uint64_t now = rte_rdtsc();
  for (std::size_t i = 0; i < n; ++i) {
    const Stencil& s = from[next];
    if (++next == from.size()) next = 0;
    rte_mbuf* const m = frames[i] = spare_[spare_.size() - 1 - i];
    std::memcpy(rte_pktmbuf_mtod(m, void*), s.bytes.data(), s.bytes.size());
    m->data_len = s.length;
    m->pkt_len = s.length;
    stamp_of(m, stamp_) = tally != nullptr && s.kind == Kind::established ? now : 0;
    kinds[i] = s.kind;
  }
  const unsigned sent = rte_ring_enqueue_burst(
      ports_.in(side), reinterpret_cast<void**>(frames.data()), static_cast<unsigned>(n), nullptr);
  spare_.resize(spare_.size() - n);
  spare_.insert(spare_.end(), frames.begin() + sent, frames.begin() + n);
  if (tally != nullptr)
    for (std::size_t i = 0; i < n; ++i) {
      ++tally->offered[index(side)][static_cast<std::size_t>(kinds[i])];
      if (i >= sent) ++tally->lost[index(side)][static_cast<std::size_t>(kinds[i])];
    }
  return n;
}

void Generator::collect(Side side, Tally* tally) {
  std::array<rte_mbuf*, 2 * kBurst> frames;
  const unsigned n = rte_ring_dequeue_burst(
      ports_.out(side), reinterpret_cast<void**>(frames.data()), frames.size(), nullptr);
  if (n == 0) return;
  if (tally != nullptr) {
    const std::uint64_t now = rte_rdtsc();
    tally->returned += n;
    for (unsigned i = 0; i < n; ++i)
      // The box's own frames bear no stamp of ours.
      if (frames[i]->pool == pool_ && stamp_of(frames[i], stamp_) != 0)
        tally->latency.add(now - stamp_of(frames[i], stamp_));
  }
  rte_pktmbuf_free_bulk(frames.data(), n);
}

Tally Generator::run(const Load& load) {
  const auto hz = static_cast<double>(rte_get_tsc_hz());
  Tally tally;
  const std::uint64_t start = rte_rdtsc();
  const std::uint64_t counted = start + static_cast<std::uint64_t>(load.warm_up * hz);
  const std::uint64_t end = counted + static_cast<std::uint64_t>(load.seconds * hz);
  std::array<std::uint64_t, kSides> sent{};
  std::uint64_t now = start;
  for (; now < end; now = rte_rdtsc()) {
    Tally* const into = now >= counted ? &tally : nullptr;
    for (const Side side : {Side::outside, Side::inside}) {
      std::uint64_t& count = sent[index(side)];
      const auto due = static_cast<std::uint64_t>(static_cast<double>(now - start) *
                                                  load.rate[index(side)] / hz);
      if (due > count + kBehind) count = due - kBehind;
      if (due > count) count += send(side, due - count, into);
      collect(side, into);
    }
  }
  tally.seconds = static_cast<double>(now - counted) / hz;
  return tally;
}

void Generator::clear() {
  for (const Side side : {Side::outside, Side::inside})
    for (rte_ring* ring : {ports_.in(side), ports_.out(side)})
      for (void* frame = nullptr; rte_ring_dequeue(ring, &frame) == 0;)
        rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
}

void beside(const std::function<void(const std::atomic<bool>&)>& forward,
            const std::function<void()>& feed) {
  const unsigned lcore = rte_get_next_lcore(UINT_MAX, 1, 0);
  if (lcore == RTE_MAX_LCORE)
    throw std::runtime_error("give two lcores: one feeds and collects, the other forwards");
  struct Call {
    const std::function<void(const std::atomic<bool>&)>& forward;
    std::atomic<bool> stop{false};
    std::exception_ptr thrown;
  } call{forward, {}, {}};
  rte_eal_remote_launch(
      [](void* argument) {
        auto& c = *static_cast<Call*>(argument);
        try {
          c.forward(c.stop);
        } catch (...) {
          c.thrown = std::current_exception();
        }
        return 0;
      },
      &call, lcore);
  try {
    feed();
  } catch (...) {
    call.stop = true;
    rte_eal_wait_lcore(lcore);
    throw;
  }
  call.stop = true;
  rte_eal_wait_lcore(lcore);
  if (call.thrown) std::rethrow_exception(call.thrown);
}

void forward_io(const std::atomic<bool>& stop) {
  std::array<rte_mbuf*, kBurst> frames;
  while (!stop.load(std::memory_order_relaxed))
    for (const Side side : {Side::outside, Side::inside}) {
      const std::uint16_t n =
          rte_eth_rx_burst(static_cast<std::uint16_t>(index(side)), 0, frames.data(), kBurst);
      if (n == 0) continue;
      const std::uint16_t sent =
          rte_eth_tx_burst(static_cast<std::uint16_t>(index(other(side))), 0, frames.data(), n);
      if (sent < n) rte_pktmbuf_free_bulk(frames.data() + sent, n - sent);
    }
}

double find_capacity(const std::function<Tally(double)>& measure) {
  double low = 0;
  double high = kMostTried;
  while (high - low > kPrecision) {
    const double rate = (low + high) / 2;
    bool held = false;
    for (int attempt = 0; attempt < 3 && !held; ++attempt) {
      const Tally t = measure(rate);
      const auto offered = static_cast<double>(Tally::sum(t.offered));
      held = offered >= kNearlyAll * rate * t.seconds &&
             static_cast<double>(Tally::sum(t.lost)) <= kNearlyNothing * offered;
    }
    (held ? low : high) = rate;
  }
  return low;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Policy ring_policy(double drop) {
  Policy p;
  p.protected_prefixes = {parse_prefix("203.0.113.0/24").value()};
  Service web;
  web.address = parse_address("203.0.113.10").value();
  web.tcp = {{443, 443}};
  p.services = {web};
  p.probability.drop = drop;
  p.timeouts.grace = Seconds(0);
  p.trust.partial = {{0.75, Seconds(600)}, {0.5, Seconds(600)}, {0.25, Seconds(600)}};
  p.tables.connections = 1U << 17U;
  p.tables.sources = 1U << 18U;
  return p;
}

}  // namespace mitibox::bench
