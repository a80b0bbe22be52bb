// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_version.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>

#include "appliance.hpp"
#include "eal_arguments.hpp"
#include "options.hpp"

namespace mitibox {

namespace {

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set by a signal handler");

void request_stop(int /*signal*/) {
  stop_requested.store(true, std::memory_order_relaxed);
}

int check(const std::string& file) {
  const Policy policy = load_policy(file);
  fmt::print("{}", describe(policy));
  for (const std::string& w : warnings(policy)) fmt::print("warning: {}\n", w);
  return 0;
}

int run(CommandLine& line) {
  const Policy policy = load_policy(line.options.policy);
  for (const std::string& w : warnings(policy)) fmt::print(stderr, "mitibox: warning: {}\n", w);
  if (line.options.key)
    fmt::print(stderr,
               "mitibox: warning: --key fixes the secret; whoever knows it can tell every forged "
               "packet. Never use it in front of a real LAN\n");
  complete_eal_arguments(
      line.eal, needed_megabytes(policy, line.options, workers_of(count_lcores(line.eal))));
  std::vector<char*> arguments;
  for (std::string& word : line.eal) arguments.push_back(word.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0)
    throw std::runtime_error(
        fmt::format("EAL did not start: {} (its own words stand above)", rte_strerror(rte_errno)));
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  int status = 0;
  {
    Appliance appliance(policy, line.options);
    status = appliance.run(stop_requested);
  }
  rte_eal_cleanup();
  return status;
}

}  // namespace

}  // namespace mitibox

int main(int argc, char* argv[]) {
  using namespace mitibox;
  try {
    CommandLine line = parse_command_line(argc, argv);
    switch (line.options.action) {
      case Options::Action::help:
        fmt::print("{}", usage());
        return 0;
      case Options::Action::version:
        fmt::print("mitibox {}, {}\n", MITIBOX_VERSION, rte_version());
        return 0;
      case Options::Action::check:
        return check(line.options.policy);
      case Options::Action::run:
        return run(line);
    }
  } catch (const UsageError& e) {
    fmt::print(stderr, "mitibox: {}\nTry 'mitibox --help'.\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox: {}\n", e.what());
  }
  return 1;
}
