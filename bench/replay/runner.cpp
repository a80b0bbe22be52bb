// SPDX-License-Identifier: BSD-3-Clause
// The appliance's data path between two ports for a stated time, with connections that are open
// beforehand: a capture that is replayed over and over cannot hold their handshakes.
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include <algorithm>
#include <atomic>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/eal.hpp"
#include "chain/chain.hpp"
#include "observe/snapshot.hpp"
#include "port/ports.hpp"
#include "shard/worker.hpp"
#include "tracker/tracker.hpp"
#include "traffic.hpp"

namespace po = boost::program_options;

namespace mitibox::bench {

namespace {

struct Options {
  std::string policy;
  double seconds = 3;
  double warm_up = 1;
  std::uint64_t connections = 0;
  Family family = Family::v4;
  std::uint8_t protocol = protocol::kTcp;
  unsigned mbufs = 0;
  std::uint16_t room = 0;
  double clock = 1;
};

Options read(int argc, char** argv) {
  po::options_description d;
  d.add_options()("policy", po::value<std::string>()->required())(
      "seconds", po::value<double>()->default_value(3))("warm-up",
                                                        po::value<double>()->default_value(1))(
      "connections", po::value<std::uint64_t>()->default_value(0))("ipv6", "")("udp", "")(
      "mbufs", po::value<unsigned>()->required())("room",
                                                  po::value<std::uint16_t>()->default_value(256))(
      "clock", po::value<double>()->default_value(1));
  po::variables_map m;
  po::store(po::parse_command_line(argc, argv, d), m);
  po::notify(m);
  Options o;
  o.policy = m["policy"].as<std::string>();
  o.seconds = m["seconds"].as<double>();
  o.warm_up = m["warm-up"].as<double>();
  o.connections = m["connections"].as<std::uint64_t>();
  if (m.count("ipv6") != 0) o.family = Family::v6;
  if (m.count("udp") != 0) o.protocol = protocol::kUdp;
  o.mbufs = m["mbufs"].as<unsigned>();
  o.room = m["room"].as<std::uint16_t>();
  o.clock = m["clock"].as<double>();
  return o;
}

/// Frees what the handshakes send, then is the port's own.
class Gate : public Wire {
 public:
  explicit Gate(PortWire& port) : port_(port) {}
  std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override {
    if (open) return port_.send(to, frames, count);
    for (std::uint16_t i = 0; i < count; ++i) rte_pktmbuf_free(frames[i]);
    return count;
  }
  bool open = false;

 private:
  PortWire& port_;
};

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        policy_(load_policy(options.policy)),
        receive_(make_pool("bench rx", options.mbufs, options.room, 0)),
        own_(make_pool("bench own", 8191, RTE_MBUF_DEFAULT_BUF_SIZE, 0)),
        ports_(Ports::Config{{0, 1}, 1, 1024}, receive_),
        port_wire_(ports_, 0),
        gate_(port_wire_),
        chain_(policy_, {"bench", 1, Secrets::derive({1, 2}), ports_.mac(Side::outside), own_},
               gate_),
        clock_(options.clock),
        worker_(ports_, chain_, clock_, {}) {}

  int run() {
    const unsigned lcore = rte_get_next_lcore(UINT_MAX, 1, 0);
    if (lcore == RTE_MAX_LCORE) throw std::runtime_error("give two lcores: control and forwarding");
    rte_eal_remote_launch(&Bench::launch, this, lcore);
    while (!ready_) sleep(0.01);
    sleep(options_.warm_up);
    const Sample before = sample();
    sleep(options_.seconds);
    const Sample after = sample();
    stop_ = true;
    rte_eal_wait_lcore(lcore);
    const double packets = static_cast<double>(after.packets - before.packets);
    const double cycles = static_cast<double>(after.cycles - before.cycles);
    fmt::print("{}", render_table(take_snapshot({&chain_})));
    fmt::print(
        "{{\"mpps\": {:.3f}, \"cycles\": {:.1f}, \"connections\": {}, \"opening_cycles\": {}}}\n",
        packets / cycles * static_cast<double>(rte_get_tsc_hz()) / 1e6, cycles / packets,
        chain_.tracker().table(options_.family).size(), opening_cycles_);
    return 0;
  }

 private:
  struct Sample {
    std::uint64_t packets, cycles;
  };
  static void sleep(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  }
  Sample sample() const {
    std::uint64_t packets = 0;
    for (const Side side : {Side::outside, Side::inside})
      packets += chain_.counters().received[index(side)].get();
    return {packets, rte_rdtsc()};
  }
  static int launch(void* self) {
    auto& bench = *static_cast<Bench*>(self);
    bench.open_connections();
    bench.gate_.open = true;
    bench.ready_ = true;
    bench.worker_.run(bench.stop_);
    return 0;
  }

  void open_connections() {
    const std::uint64_t start = rte_rdtsc();
    for (std::uint64_t at = 0; at < options_.connections; at += kBurst) {
      const std::uint64_t n = std::min<std::uint64_t>(kBurst, options_.connections - at);
      const std::size_t steps = options_.protocol == protocol::kTcp ? 3 : 2;
      for (std::size_t step = 0; step < steps; ++step) {
        std::array<rte_mbuf*, kBurst> frames{};
        Side from = Side::outside;
        for (std::uint64_t i = 0; i < n; ++i) {
          const Flow f = flow(at + i, options_.family, options_.protocol);
          const Segment s = opening(f)[step];
          from = s.from;
          rte_mbuf* m = rte_pktmbuf_alloc(own_);
          auto* bytes = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(m, 128));
          rte_pktmbuf_trim(m, static_cast<std::uint16_t>(128 - write_frame(f, s, bytes)));
          frames[i] = m;
        }
        chain_.process(from, {frames.data(), n}, clock_.read());
        chain_.transmit().flush();
      }
    }
    if (options_.connections != 0) opening_cycles_ = (rte_rdtsc() - start) / options_.connections;
  }

  Options options_;
  Policy policy_;
  rte_mempool* receive_;
  rte_mempool* own_;
  Ports ports_;
  PortWire port_wire_;
  Gate gate_;
  Chain chain_;
  Clock clock_;
  Worker worker_;
  std::uint64_t opening_cycles_ = 0;
  std::atomic<bool> ready_{false};
  std::atomic<bool> stop_{false};
};

}  // namespace

}  // namespace mitibox::bench

int main(int argc, char* argv[]) {
  using namespace mitibox::bench;
  try {
    const int used = rte_eal_init(argc, argv);
    if (used < 0) throw std::runtime_error(rte_strerror(rte_errno));
    Bench bench(read(argc - used, argv + used));
    return bench.run();
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox-bench: {}\n", e.what());
    return 1;
  }
}
