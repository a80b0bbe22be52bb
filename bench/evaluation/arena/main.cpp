// SPDX-License-Identifier: BSD-3-Clause
// One scenario against one defence: mitibox-compare --defence NAME --scenario NAME. Writes one JSON
// object. The driver `compare` asks for all of them and makes tables of the answers.
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <stdexcept>

#include "base/eal.hpp"
#include "scenario.hpp"

namespace po = boost::program_options;

namespace mitibox::arena {

namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Figures run(const Order& order) {
  if (has(scans(), order.scenario)) return scan(order);
  if (has(populations(), order.scenario)) return populate(order);
  if (order.scenario == "guess") return guess(order);
  if (order.scenario == "frame") return frame_client(order);
  if (order.scenario == "flush") return flush(order);
  if (order.scenario == "worm") return worm(order, false);
  if (order.scenario == "hitlist") return worm(order, true);
  throw std::runtime_error("no such scenario: " + order.scenario);
}

std::vector<std::string> scenarios() {
  std::vector<std::string> all = scans();
  all.insert(all.end(), {"guess", "frame", "flush", "worm", "hitlist"});
  all.insert(all.end(), populations().begin(), populations().end());
  return all;
}

namespace {

int compare(int argc, char** argv) {
  Order order;
  po::options_description d("Options");
  auto add = d.add_options();
  add("defence", po::value(&order.defence));
  add("scenario", po::value(&order.scenario));
  add("seed", po::value(&order.seed)->default_value(1));
  add("quick", po::bool_switch(&order.quick), "small budgets");
  add("sources", po::value(&order.sources), "of a scan");
  add("packets", po::value(&order.packets), "of a scan");
  add("pace", po::value(&order.pace), "of a scan: ms between its attempts");
  add("drop", po::value(&order.knobs.drop)->default_value(0.5), "probability.drop");
  add("distrusted", po::value(&order.knobs.distrusted)->default_value(600),
      "trust.distrusted, seconds; partial levels last as long");
  add("policy", po::value(&order.knobs.patch), "JSON, merged into MitiBox's policy");
  add("no-partial", "trust.partial: none");
  add("list", "names of defences and scenarios");
  add("help", "");
  po::variables_map m;
  po::store(po::parse_command_line(argc, argv, d), m);
  po::notify(m);
  if (m.count("list") != 0) {
    std::cout << Figures{{"defences", defences()},
                         {"scenarios", scenarios()},
                         {"scans", scans()},
                         {"populations", populations()}}
              << "\n";
    return 0;
  }
  if (m.count("help") != 0 || order.defence.empty() || order.scenario.empty()) {
    std::cout << d;
    return m.count("help") != 0 ? 0 : 2;
  }
  order.knobs.partial = m.count("no-partial") == 0;
  constexpr std::size_t kMegabytes = 768;
  start_offline_eal("mitibox-compare", kMegabytes);
  std::cout << run(order) << "\n";
  stop_offline_eal();
  return 0;
}

}  // namespace

}  // namespace mitibox::arena

int main(int argc, char* argv[]) {
  try {
    return mitibox::arena::compare(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox-compare: {}\n", e.what());
    return 1;
  }
}
