// SPDX-License-Identifier: BSD-3-Clause
// How long established packets stay in the box, beside a forwarder that does what testpmd io does,
// at shares of the box's capacity: mitibox-bench-latency [EAL options] -- [options]. Exit status 1
// when the goal is missed.
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <vector>

#include "boxed.hpp"

namespace po = boost::program_options;

namespace mitibox::bench {

namespace {

constexpr double kGoal = 10;         // us above io, 99th percentile, half load
constexpr double kMostLost = 0.001;  // at half load, or what was measured is another load
// A virtual machine's cores may move apart, or together, meanwhile: io's p50 then leaps.
constexpr double kSteady = 2;
constexpr std::array<double, 4> kShares{0.5, 0.9, 0.99, 0.999};

struct Options {
  std::uint64_t connections = 10'000;
  // Many and short: what disturbs the machine now and then spoils few of them.
  double seconds = 0.2;
  unsigned rounds = 15;
};

/// Of one forwarder at one load: each round's percentiles and its worst, in us.
struct Series {
  std::array<std::vector<double>, kShares.size() + 1> values;
  std::vector<double> offered;  ///< Mpps
  std::vector<double> lost;     ///< share

  void add(const Tally& t) {
    const double us = 1e6 / static_cast<double>(rte_get_tsc_hz());
    for (std::size_t i = 0; i < kShares.size(); ++i)
      values[i].push_back(static_cast<double>(t.latency.quantile(kShares[i])) * us);
    values.back().push_back(static_cast<double>(t.latency.most()) * us);
    offered.push_back(static_cast<double>(Tally::sum(t.offered)) / t.seconds / 1e6);
    lost.push_back(static_cast<double>(Tally::sum(t.lost)) /
                   static_cast<double>(Tally::sum(t.offered)));
  }
};

class Latency {
 public:
  explicit Latency(const Options& options)
      : options_(options),
        pool_(make_pool("frames", 32767, 256, 0)),
        source_("established", {options.connections, options.connections}, 1),
        generator_(ports_, pool_, stencils(source_, Side::outside, options.connections),
                   stencils(source_, Side::inside, options.connections)),
        box_(ring_policy(0), pool_, options.connections) {}

  int run() {
    const double capacity =
        find_capacity([this](double rate) { return measure(rate, forward_box_); });
    fmt::print(
        "{} connections; capacity, taken without loss: {:.2f} Mpps.\n\n"
        "| load | forwarder | Mpps | lost | p50 | p90 | p99 | p99.9 | max |\n"
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        options_.connections, capacity / 1e6);
    std::fflush(stdout);
    bool holds = true;
    double least = 1e9;
    double most = 0;
    for (const double load : {0.1, 0.5, 0.9}) {
      Series io;
      Series box;
      for (unsigned round = 0; round < options_.rounds; ++round) {
        io.add(measure(load * capacity, forward_io));
        box.add(measure(load * capacity, forward_box_));
      }
      print(load, "io", io);
      print(load, "mitibox", box);
      least = std::min(least, median(io.values[0]));
      most = std::max(most, median(io.values[0]));
      std::vector<double> added;
      for (unsigned i = 0; i < options_.rounds; ++i)
        added.push_back(box.values[2][i] - io.values[2][i]);
      const double p99 = median(added);
      fmt::print("| {:.0f} % | added | | | | | {:+.2f} | | |\n", 100 * load, p99);
      if (load == 0.5) holds = p99 <= kGoal && median(box.lost) < kMostLost;
    }
    fmt::print(
        "\nMedians of {} rounds of {:g} s each, in us. Goal: p99 at 50 % <= {:g} us above "
        "io: {}.\n",
        options_.rounds, options_.seconds, kGoal, holds ? "holds" : "FAILS");
    if (most > kSteady * least) {
      fmt::print(
          "\nThe p50 of io went from {:.2f} to {:.2f} us between the loads: the machine's cores "
          "did not stay where they were. No result; measure again.\n",
          least, most);
      return 1;
    }
    return holds ? 0 : 1;
  }

 private:
  Tally measure(double rate, const std::function<void(const std::atomic<bool>&)>& forward) {
    Tally t;
    beside(forward, [&] { t = generator_.run({{rate / 2, rate / 2}, options_.seconds}); });
    generator_.clear();
    return t;
  }

  static void print(double load, const char* who, const Series& s) {
    fmt::print("| {:.0f} % | {} | {:.2f} | {:.2f} %", 100 * load, who, median(s.offered),
               100 * median(s.lost));
    for (const auto& v : s.values) fmt::print(" | {:.2f}", median(v));
    fmt::print(" |\n");
    std::fflush(stdout);
  }

  Options options_;
  rte_mempool* pool_;
  RingPorts ports_;
  Case source_;
  Generator generator_;
  Boxed box_;
  std::function<void(const std::atomic<bool>&)> forward_box_ =
      [this](const std::atomic<bool>& stop) { box_.forward(stop); };
};

int run(int argc, char** argv) {
  Options o;
  po::options_description d("Options");
  auto add = d.add_options();
  add("connections", po::value(&o.connections)->default_value(10'000));
  add("seconds", po::value(&o.seconds)->default_value(0.2), "of one measurement");
  add("rounds", po::value(&o.rounds)->default_value(15));
  add("help", "");
  po::variables_map m;
  po::store(po::parse_command_line(argc, argv, d), m);
  po::notify(m);
  if (m.count("help") != 0) {
    std::cout << "usage: mitibox-bench-latency [EAL options] -- [options]\n" << d;
    return 0;
  }
  if (o.rounds == 0 || o.connections == 0) throw std::runtime_error("nothing to measure");
  return Latency(o).run();
}

}  // namespace

}  // namespace mitibox::bench

int main(int argc, char* argv[]) {
  try {
    const int used = rte_eal_init(argc, argv);
    if (used < 0) throw std::runtime_error(rte_strerror(rte_errno));
    const int status = mitibox::bench::run(argc - used, argv + used);
    rte_eal_cleanup();
    return status;
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox-bench-latency: {}\n", e.what());
    return 2;
  }
}
