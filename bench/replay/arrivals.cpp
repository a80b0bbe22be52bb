// SPDX-License-Identifier: BSD-3-Clause
// What arrives once cannot be replayed: new connections that come, settle and expire, and sources
// that prove themselves. mitibox-bench-arrivals [EAL options] -- [options]
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <vector>

#include "base/eal.hpp"
#include "opener.hpp"
#include "tracker/tracker.hpp"

namespace po = boost::program_options;

namespace mitibox::bench {

namespace {

constexpr unsigned kBuffers = 16383;

/// Keeps the sequence numbers of what leaves by the outside port, by destination port.
class Answers : public Wire {
 public:
  std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override {
    for (std::uint16_t i = 0; i < count && to == Side::outside; ++i) {
      const auto* at = rte_pktmbuf_mtod_offset(frames[i], const std::uint8_t*, 34);
      be32 sequence;
      std::memcpy(&sequence, at + 4, sizeof sequence);
      last[last_count++ % last.size()] = sequence.host();
    }
    rte_pktmbuf_free_bulk(frames, count);
    return count;
  }
  std::array<std::uint32_t, kBurst> last{};
  std::size_t last_count = 0;
};

Policy policy(std::uint32_t connections, std::uint32_t sources, Seconds lifetime) {
  Policy p;
  p.admission = Policy::Admission::forward;
  p.trust.evidence = Policy::Evidence::weighted;
  p.protected_prefixes = {parse_prefix("203.0.113.0/24").value()};
  Service web;
  web.address = flow(0, Family::v4, protocol::kTcp).inside;
  web.tcp = {{443, 443}};
  web.is_public = true;
  p.services = {web};
  p.probability.drop = 0;
  p.timeouts.grace = Seconds(0);
  p.timeouts.established = lifetime;
  p.tables.connections = connections;
  p.tables.connections_ipv6 = 64;
  p.tables.sources = sources;
  return p;
}

struct Totals {
  std::uint64_t packets = 0, cycles = 0;
};

class Bench {
 public:
  explicit Bench(const Policy& p)
      : policy_(p),
        pool_(make_pool("arrivals", kBuffers, RTE_MBUF_DEFAULT_BUF_SIZE, 0)),
        own_(make_pool("own", kBuffers, RTE_MBUF_DEFAULT_BUF_SIZE, 0)),
        chain_(policy_, {.name = "arrivals", .secrets = secrets(), .own_mac = {}, .pool = own_},
               wire_) {}

  /// Sends one segment of each of these flows, and adds what the chain takes for them.
  template <typename Make>
  void send(std::uint64_t first, Make make, Totals& totals) {
    std::array<rte_mbuf*, kBurst> frames{};
    Side from = Side::outside;
    for (std::uint64_t i = 0; i < kBurst; ++i) {
      const Flow f = flow_of(first + i);
      const Segment s = make(f, i);
      from = s.from;
      frames[i] = make_frame(pool_, f, s);
    }
    wire_.last_count = 0;
    const std::uint64_t start = rte_rdtsc();
    chain_.process(from, frames, Now(now));
    chain_.tick(Now(now));
    chain_.transmit().flush();
    totals.cycles += rte_rdtsc() - start;
    totals.packets += kBurst;
  }

  /// New connections at `rate` a second of the box's time, each of which expires.
  void churn(double rate, double seconds) {
    dark_ = false;
    const auto step = Time(static_cast<std::int64_t>(1e9 * kBurst / rate / 3));
    const auto all = static_cast<std::uint64_t>(rate * seconds) / kBurst * kBurst;
    const auto warm = static_cast<std::uint64_t>(
        rate * static_cast<double>(policy_.timeouts.established.count()) * 1.1);
    Totals totals;
    for (std::uint64_t at = 0; at < warm + all; at += kBurst) {
      if (at >= warm && at < warm + kBurst) totals = {};
      for (std::size_t leg = 0; leg < 3; ++leg) {
        now += step;
        send(
            at, [leg](const Flow& f, std::uint64_t) { return opening(f)[leg]; }, totals);
      }
    }
    const ConnectionTable& t = chain_.tracker().table(Family::v4);
    const double each =
        static_cast<double>(totals.cycles) / static_cast<double>(totals.packets) * 3;
    fmt::print(
        "| new connections | {} live, {} expired, {} evicted | {:.0f} cycles each (three packets, "
        "insertion and expiry) | {:.2f} M/s for {:g} s |\n",
        t.size(), t.expired(), t.evicted(), each,
        static_cast<double>(rte_get_tsc_hz()) / each / 1e6, seconds);
  }

  /// Sources that complete a forged handshake with an illegitimate destination, one after another.
  void prove(std::uint64_t sources) {
    dark_ = true;
    Totals syns;
    Totals acks;
    for (std::uint64_t at = 0; at < sources; at += kBurst) {
      now += std::chrono::microseconds(1);
      if (at == sources / 2) acks = {};
      send(
          at,
          [](const Flow& f, std::uint64_t) {
            return Segment{.flags = tcp::kSyn, .sequence = f.outside_isn};
          },
          syns);
      if (wire_.last_count != kBurst) throw std::runtime_error("a SYN was not answered");
      const auto isns = wire_.last;
      send(
          at,
          [&](const Flow& f, std::uint64_t i) {
            return Segment{
                .flags = tcp::kAck, .sequence = f.outside_isn + 1, .acknowledgement = isns[i] + 1};
          },
          acks);
    }
    fmt::print(
        "| proven illegitimate attempt | {} sources proven | {:.0f} cycles (last ACK, source "
        "and conversation inserted) | |\n",
        chain_.trust().proven_sources(),
        static_cast<double>(acks.cycles) / static_cast<double>(acks.packets));
  }

  Time now = std::chrono::hours(1);

 private:
  [[nodiscard]] Flow flow_of(std::uint64_t number) const {
    Flow f = flow(number, Family::v4, protocol::kTcp);
    if (dark_) {
      // Every source once: 16 million of 10/8 stand for the world.
      f.outside =
          Address(be32(0x0a000000U + static_cast<std::uint32_t>(number * 40503U & 0xffffffU)));
      f.inside.bytes[15] = 99;
    }
    return f;
  }

  Policy policy_;
  rte_mempool* pool_;
  rte_mempool* own_;
  Answers wire_;
  Chain chain_;
  bool dark_ = false;
};

int run(int argc, char** argv) {
  double rate = 0;
  double seconds = 0;
  std::int64_t lifetime = 0;
  std::uint32_t sources = 0;
  po::options_description d("Options");
  d.add_options()("rate", po::value(&rate)->default_value(1e6),
                  "new connections a second of the box's time")(
      "seconds", po::value(&seconds)->default_value(30), "of the box's time")(
      "lifetime", po::value(&lifetime)->default_value(4), "seconds until a silent one expires")(
      "sources", po::value(&sources)->default_value(1U << 20U), "that prove themselves")("help",
                                                                                         "");
  po::variables_map m;
  po::store(po::parse_command_line(argc, argv, d), m);
  po::notify(m);
  if (m.count("help") != 0) {
    std::cout << "usage: mitibox-bench-arrivals [EAL options] -- [options]\n" << d;
    return 0;
  }
  const auto live = static_cast<std::uint32_t>(rate * static_cast<double>(lifetime));
  // One table after the other, in one chain: neither case uses the other's.
  Bench bench(policy(live + live / 2, sources, Seconds(lifetime)));
  bench.prove(sources);
  bench.churn(rate, seconds);
  return 0;
}

}  // namespace

}  // namespace mitibox::bench

int main(int argc, char* argv[]) {
  using namespace mitibox::bench;
  try {
    const int used = rte_eal_init(argc, argv);
    if (used < 0) throw std::runtime_error(rte_strerror(rte_errno));
    return run(argc - used, argv + used);
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox-bench-arrivals: {}\n", e.what());
    return 1;
  }
}
