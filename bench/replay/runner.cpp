// SPDX-License-Identifier: BSD-3-Clause
// The appliance's data path between two ports until a signal or for a stated time, with
// connections that are open beforehand. Prints the operator's table, then one line of JSON.
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include <array>
#include <atomic>
#include <boost/program_options.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/eal.hpp"
#include "chain/chain.hpp"
#include "chain/reasons.hpp"
#include "observe/snapshot.hpp"
#include "opener.hpp"
#include "port/ports.hpp"
#include "shard/worker.hpp"
#include "tracker/tracker.hpp"

namespace po = boost::program_options;

namespace mitibox::bench {

namespace {

std::atomic<bool> stop_requested{false};

void request_stop(int /*signal*/) {
  stop_requested.store(true, std::memory_order_relaxed);
}

struct Options {
  std::string policy;
  double seconds = 0;  ///< 0: until a signal
  double warm_up = 1;
  Preload preload;
  unsigned mbufs = 0;
  std::uint16_t room = 0;
  double clock = 1;
};

Options read(int argc, char** argv) {
  po::options_description d;
  auto add = d.add_options();
  add("policy", po::value<std::string>()->required());
  add("seconds", po::value<double>()->default_value(0));
  add("warm-up", po::value<double>()->default_value(1));
  add("connections", po::value<std::uint64_t>()->default_value(0));
  add("ipv6", "")("udp", "");
  add("open-from-inside", "");
  add("mbufs", po::value<unsigned>()->required());
  add("room", po::value<std::uint16_t>()->default_value(256));
  add("clock", po::value<double>()->default_value(1));
  po::variables_map m;
  po::store(po::parse_command_line(argc, argv, d), m);
  po::notify(m);
  Options o;
  o.policy = m["policy"].as<std::string>();
  o.seconds = m["seconds"].as<double>();
  o.warm_up = m["warm-up"].as<double>();
  o.preload.connections = m["connections"].as<std::uint64_t>();
  if (m.count("ipv6") != 0) o.preload.family = Family::v6;
  if (m.count("udp") != 0) o.preload.protocol = protocol::kUdp;
  if (m.count("open-from-inside") != 0) o.preload.first = Side::inside;
  o.mbufs = m["mbufs"].as<unsigned>();
  o.room = m["room"].as<std::uint16_t>();
  o.clock = m["clock"].as<double>();
  return o;
}

/// What the counters say at one moment.
struct Sample {
  std::uint64_t cycles = 0;
  std::array<std::uint64_t, kSides> received{}, forwarded{}, refused{}, made{}, made_refused{};
  std::array<std::uint64_t, kReasons.size()> ended{};

  static Sample of(const Counters& c) {
    Sample s;
    s.cycles = rte_rdtsc();
    for (std::size_t i = 0; i < kSides; ++i) {
      s.received[i] = c.received[i].get();
      s.forwarded[i] = c.forwarded[i].get();
      s.refused[i] = c.refused[i].get();
      s.made[i] = c.made[i].get();
      s.made_refused[i] = c.made_refused[i].get();
    }
    for (std::size_t i = 0; i < kReasons.size(); ++i) s.ended[i] = c.ended[i].get();
    return s;
  }
};

/// What happened between two samples, as members of a JSON object.
std::string difference(const Sample& a, const Sample& b) {
  const auto sides = [](const char* name, const auto& from, const auto& to) {
    constexpr std::size_t kOut = index(Side::outside);
    constexpr std::size_t kIn = index(Side::inside);
    return fmt::format("\"{}\": {{\"outside\": {}, \"inside\": {}}}, ", name, to[kOut] - from[kOut],
                       to[kIn] - from[kIn]);
  };
  std::string out = sides("received", a.received, b.received) +
                    sides("forwarded", a.forwarded, b.forwarded) +
                    sides("refused", a.refused, b.refused) + sides("made", a.made, b.made) +
                    sides("made_refused", a.made_refused, b.made_refused) + "\"ended\": {";
  const char* comma = "";
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    if (b.ended[i] == a.ended[i]) continue;
    out += fmt::format("{}\"{}\": {}", comma, kReasons[i].name, b.ended[i] - a.ended[i]);
    comma = ", ";
  }
  return out + "}";
}

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
    while (!ready_ && !finished_) wait(0.01);
    wait(options_.warm_up);
    const Sample before = Sample::of(chain_.counters());
    wait(options_.seconds != 0 ? options_.seconds : 1e9);
    const Sample after = Sample::of(chain_.counters());
    stop_requested = true;
    rte_eal_wait_lcore(lcore);
    if (!failure_.empty()) throw std::runtime_error(failure_);
    report(before, after);
    return 0;
  }

 private:
  /// Until the time is over or a signal came.
  static void wait(double seconds) {
    using Steady = std::chrono::steady_clock;
    const auto end = Steady::now() + std::chrono::duration<double>(seconds);
    while (!stop_requested && Steady::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  static int launch(void* self) {
    static_cast<Bench*>(self)->forward();
    return 0;
  }

  void forward() {
    try {
      opening_cycles_ = open_connections(chain_, own_, options_.preload, clock_);
      start_ = Sample::of(chain_.counters());
      gate_.open = true;
      ready_ = true;
      worker_.run(stop_requested);
    } catch (const std::exception& e) {
      failure_ = e.what();
      stop_requested = true;
    }
    finished_ = true;
  }

  void report(const Sample& before, const Sample& after) {
    std::uint64_t packets = 0;
    for (std::size_t i = 0; i < kSides; ++i) packets += after.received[i] - before.received[i];
    const auto cycles = static_cast<double>(after.cycles - before.cycles);
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    const auto count = static_cast<double>(packets == 0 ? 1 : packets);
    const Snapshot s = take_snapshot({&chain_});
    fmt::print("{}", render_table(s));
    fmt::print(
        "{{\"mpps\": {:.3f}, \"cycles\": {:.1f}, \"tsc_hz\": {:.0f}, \"dpdk\": \"{}\", "
        "\"workers\": 1, \"connections\": {}, \"proven_sources\": {}, \"opening_cycles\": {}, "
        "{}}}\n",
        count / cycles * hz / 1e6, cycles / count, hz, rte_version(),
        chain_.tracker().table(options_.preload.family).size(), s.get("trust", "proven_sources"),
        opening_cycles_, difference(start_, Sample::of(chain_.counters())));
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
  Sample start_;         ///< when the connections were open
  std::string failure_;  ///< written before finished_
  std::atomic<bool> ready_{false};
  std::atomic<bool> finished_{false};
};

}  // namespace

}  // namespace mitibox::bench

int main(int argc, char* argv[]) {
  using namespace mitibox::bench;
  try {
    const int used = rte_eal_init(argc, argv);
    if (used < 0) throw std::runtime_error(rte_strerror(rte_errno));
    std::signal(SIGINT, request_stop);
    std::signal(SIGTERM, request_stop);
    int status = 0;
    {
      Bench bench(read(argc - used, argv + used));
      status = bench.run();
    }
    rte_eal_cleanup();
    return status;
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox-bench: {}\n", e.what());
    return 1;
  }
}
