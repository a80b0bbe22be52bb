// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdint>
#include <exception>
#include <iostream>
#include <iterator>

#include "telemetry_client.hpp"

namespace po = boost::program_options;

namespace mitibox {

namespace {

constexpr const char* kGroups[] = {"counters", "ports",      "reasons", "trust",
                                   "reply",    "neighbours", "tables"};

po::options_description description() {
  po::options_description d("Options");
  // clang-format off
  d.add_options()
    ("file-prefix", po::value<std::string>()->value_name("NAME")->default_value("mitibox"),
     "EAL's --file-prefix of the box to ask")
    ("json", "print JSON")
    ("help", "print this and exit")
    ("version", "print the version and exit");
  // clang-format on
  return d;
}

int print_stats(TelemetryClient& box, bool as_json) {
  nlohmann::ordered_json all;
  for (const char* group : kGroups) all[group] = box.ask(std::string("/mitibox/") + group);
  if (as_json) {
    std::cout << all.dump(2) << '\n';
    return 0;
  }
  for (const auto& [group, entries] : all.items()) {
    fmt::print("{}\n", group);
    for (const auto& [name, value] : entries.items())
      if (value.get<std::uint64_t>() != 0)
        fmt::print("  {:<34}{:>16}\n", name, value.get<std::uint64_t>());
  }
  return 0;
}

int print_source(TelemetryClient& box, const std::string& address, bool as_json) {
  const auto answer = box.ask("/mitibox/source", address);
  if (answer.contains("error"))
    throw std::runtime_error(
        fmt::format("source {}: {}", address, answer.at("error").get<std::string>()));
  if (as_json) {
    std::cout << answer.dump(2) << '\n';
    return 0;
  }
  const auto number = [&](const char* name) { return answer.at(name).get<std::uint64_t>(); };
  if (number("level") == 0) {
    fmt::print("{}: untrusted (neutral); its attempts are judged on their own\n", address);
    return 0;
  }
  const double share = static_cast<double>(number("divert_per_mille")) / 10;
  fmt::print(
      "{}: {}; {:.1f}% of its attempts are diverted; this level ends in {} s; evidence: {}\n",
      address, number("level") == 1 ? "distrusted" : "partially distrusted", share,
      (number("until_ms") - number("now_ms") + 999) / 1000,
      number("proven") != 0 ? "proven (it completed a handshake)" : "unproven");
  return 0;
}

int run(int argc, char** argv) {
  po::options_description hidden;
  hidden.add_options()("words", po::value<std::vector<std::string>>());
  po::options_description all;
  all.add(description()).add(hidden);
  po::positional_options_description positions;
  positions.add("words", -1);
  po::variables_map given;
  po::store(po::command_line_parser(argc, argv).options(all).positional(positions).run(), given);
  if (given.count("help") != 0) {
    std::cout << "mitiboxctl [options] stats            every counter of the box\n"
                 "mitiboxctl [options] source ADDRESS   how far the box distrusts a source\n\n"
              << description();
    return 0;
  }
  if (given.count("version") != 0) {
    fmt::print("mitiboxctl {}\n", MITIBOX_VERSION);
    return 0;
  }
  const auto words = given.count("words") != 0 ? given["words"].as<std::vector<std::string>>()
                                               : std::vector<std::string>{};
  const bool is_stats = words.size() == 1 && words[0] == "stats";
  const bool is_source = words.size() == 2 && words[0] == "source";
  if (!is_stats && !is_source)
    throw po::error("expected 'stats' or 'source ADDRESS'; try 'mitiboxctl --help'");
  TelemetryClient box(given["file-prefix"].as<std::string>());
  const bool as_json = given.count("json") != 0;
  return is_stats ? print_stats(box, as_json) : print_source(box, words[1], as_json);
}

}  // namespace

}  // namespace mitibox

int main(int argc, char* argv[]) {
  try {
    return mitibox::run(argc, argv);
  } catch (const po::error& e) {
    fmt::print(stderr, "mitiboxctl: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitiboxctl: {}\n", e.what());
  }
  return 1;
}
