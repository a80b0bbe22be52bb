// SPDX-License-Identifier: BSD-3-Clause
// Under a full-rate spoofed SYN flood: mitibox-bench-flood [EAL options] -- [options]. Exit status
// 1 when a limit does not hold.
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <iostream>
#include <stdexcept>

#include "base/eal.hpp"
#include "flooding.hpp"

namespace po = boost::program_options;

namespace mitibox::bench {

namespace {

constexpr double kLeastClients = 0.98;

bool say(const char* what, unsigned got, unsigned of, double least) {
  const double share = of == 0 ? 1 : static_cast<double>(got) / of;
  const bool holds = share >= least;
  fmt::print("| {} | {} of {} | {:.2f} % | >= {:g} % | {} |\n", what, got, of, 100 * share,
             100 * least, holds ? "holds" : "FAILS");
  return holds;
}

int run(int argc, char** argv) {
  FloodOrder order;
  std::uint32_t connections = 0;
  std::uint32_t retransmissions = 0;
  po::options_description d("Options");
  auto add = d.add_options();
  add("rate", po::value(&order.rate)->default_value(2e6), "SYNs a second of the box's time");
  add("seconds", po::value(&order.seconds)->default_value(60), "of the box's time");
  add("established", po::value(&order.established)->default_value(100'000));
  add("scanners", po::value(&order.scanners)->default_value(1000), "proven ones");
  add("clients", po::value(&order.clients)->default_value(10'000), "genuine new ones");
  add("connections", po::value(&connections)->default_value(1U << 20U), "tables.connections");
  add("retransmissions", po::value(&retransmissions),
      "tables.retransmissions; default: what the coin drops in 32 s");
  add("seed", po::value(&order.seed)->default_value(1));
  add("help", "");
  po::variables_map m;
  po::store(po::parse_command_line(argc, argv, d), m);
  po::notify(m);
  if (m.count("help") != 0) {
    std::cout << "usage: mitibox-bench-flood [EAL options] -- [options]\n" << d;
    return 0;
  }
  Policy policy = flood_policy(order, connections);
  if (m.count("retransmissions") != 0) policy.tables.retransmissions = retransmissions;
  fmt::print(
      "{:.0f} SYNs/s for {:g} s of the box's time; tables: connections {}, sources {}, "
      "retransmissions {}\n",
      order.rate, order.seconds, policy.tables.connections, policy.tables.sources,
      policy.tables.retransmissions);
  std::fflush(stdout);
  const std::uint64_t start = rte_rdtsc();
  const FloodOutcome o =
      flood(policy, order, make_pool("flood frames", 4095, RTE_MBUF_DEFAULT_BUF_SIZE, 0),
            make_pool("flood own", 8191, RTE_MBUF_DEFAULT_BUF_SIZE, 0));
  const double seconds =
      static_cast<double>(rte_rdtsc() - start) / static_cast<double>(rte_get_tsc_hz());
  fmt::print(
      "{} SYNs in {:.1f} s, sender and host included; {} reached the host and were answered; "
      "{} half-opens made way for newer ones.\n\n"
      "| what | how many | share | goal | |\n| --- | ---: | ---: | ---: | --- |\n",
      o.flood, seconds, o.to_host, o.evicted);
  bool holds =
      say("established connections that still forward", o.established, order.established, 1);
  holds &= say("proven scanners that are still distrusted", o.scanners, order.scanners, 1);
  holds &= say("genuine clients connected within 4 s", o.clients, order.clients, kLeastClients);
  fmt::print(
      "\nWith their first SYN: {} clients; deceived by a forged answer, since the flood had "
      "forged their address: {}.\n",
      o.clients_at_first, o.clients_deceived);
  return holds ? 0 : 1;
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
    fmt::print(stderr, "mitibox-bench-flood: {}\n", e.what());
    return 2;
  }
}
