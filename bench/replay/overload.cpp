// SPDX-License-Identifier: BSD-3-Clause
// More than the box can take: who loses what at the ports' rings.
// mitibox-bench-overload [EAL options] -- [options]
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <vector>

#include "boxed.hpp"

namespace po = boost::program_options;

namespace mitibox::bench {

namespace {

constexpr double kNearlyAll = 0.98;
constexpr std::uint64_t kPackets = 100'000;  // stencils a port
constexpr std::array<const char*, kKinds> kKindNames{"established", "new", "scan"};

struct Options {
  std::uint64_t connections = 10'000;
  // Many and short: what disturbs the machine now and then spoils few of them.
  double seconds = 0.2;
  unsigned rounds = 15;
  double overload = 1.2;
};

class Overload {
 public:
  explicit Overload(const Options& options)
      : options_(options),
        pool_(make_pool("frames", 32767, 256, 0)),
        source_("mixed", {kPackets, options.connections}, 1),
        generator_(ports_, pool_, stencils(source_, Side::outside, kPackets),
                   stencils(source_, Side::inside, kPackets)),
        box_(ring_policy(0.5), pool_, options.connections) {}

  int run() {
    bool measured = true;
    // The share of all packets that come from inside.
    for (const double inside : {0.5, 0.1}) measured &= scenario(inside);
    return measured ? 0 : 1;
  }

 private:
  Tally measure(double rate, double inside) {
    Tally t;
    beside([this](const std::atomic<bool>& stop) { box_.forward(stop); },
           [&] {
             t = generator_.run({{rate * (1 - inside), rate * inside}, options_.seconds});
           });
    generator_.clear();
    return t;
  }

  bool scenario(double inside) {
    const double capacity = find_capacity([&](double rate) { return measure(rate, inside); });
    const double rate = options_.overload * capacity;
    std::vector<double> offered;
    std::vector<double> taken;
    std::array<std::array<std::vector<double>, kKinds>, kSides> rates;
    std::array<std::array<std::vector<double>, kKinds>, kSides> losses;
    for (unsigned i = 0; i < options_.rounds; ++i) {
      const Tally t = measure(rate, inside);
      offered.push_back(static_cast<double>(Tally::sum(t.offered)) / t.seconds);
      taken.push_back(t.taken());
      for (std::size_t s = 0; s < kSides; ++s)
        for (std::size_t k = 0; k < kKinds; ++k) {
          const auto n = static_cast<double>(t.offered[s][k]);
          if (n == 0) continue;
          rates[s][k].push_back(n / t.seconds);
          losses[s][k].push_back(static_cast<double>(t.lost[s][k]) / n);
        }
    }
    const bool sent = median(offered) >= kNearlyAll * rate;
    fmt::print(
        "{:.0f} % of all packets come from outside: {:.2f} Mpps without loss; offered {:.2f} "
        "({:.0f} %), taken {:.2f}.{}\n\n| port | class | offered Mpps | lost |\n"
        "| --- | --- | ---: | ---: |\n",
        100 * (1 - inside), capacity / 1e6, median(offered) / 1e6, 100 * median(offered) / capacity,
        median(taken) / 1e6, sent ? "" : " The generator could not send more: no overload.");
    for (const Side side : {Side::outside, Side::inside})
      for (std::size_t k = 0; k < kKinds; ++k) {
        if (rates[index(side)][k].empty()) continue;
        fmt::print("| {} | {} | {:.2f} | {:.2f} % |\n",
                   side == Side::outside ? "outside" : "inside", kKindNames[k],
                   median(rates[index(side)][k]) / 1e6, 100 * median(losses[index(side)][k]));
      }
    fmt::print("\n");
    std::fflush(stdout);
    return sent;
  }

  Options options_;
  rte_mempool* pool_;
  RingPorts ports_;
  Case source_;
  Generator generator_;
  Boxed box_;
};

int run(int argc, char** argv) {
  Options o;
  po::options_description d("Options");
  auto add = d.add_options();
  add("connections", po::value(&o.connections)->default_value(10'000));
  add("seconds", po::value(&o.seconds)->default_value(0.2), "of one measurement");
  add("rounds", po::value(&o.rounds)->default_value(15));
  add("overload", po::value(&o.overload)->default_value(1.2), "of the capacity");
  add("help", "");
  po::variables_map m;
  po::store(po::parse_command_line(argc, argv, d), m);
  po::notify(m);
  if (m.count("help") != 0) {
    std::cout << "usage: mitibox-bench-overload [EAL options] -- [options]\n" << d;
    return 0;
  }
  return Overload(o).run();
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
    fmt::print(stderr, "mitibox-bench-overload: {}\n", e.what());
    return 2;
  }
}
