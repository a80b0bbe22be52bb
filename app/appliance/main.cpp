// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_version.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>

#include "appliance.hpp"
#include "base/say.hpp"
#include "eal_arguments.hpp"
#include "options.hpp"
#include "wire.hpp"

namespace mitibox {

namespace {

Appliance::Wishes signalled;
static_assert(std::atomic<bool>::is_always_lock_free, "set by a signal handler");

void wish_stop(int /*signal*/) {
  signalled.stop.store(true, std::memory_order_relaxed);
}
void wish_reload(int /*signal*/) {
  signalled.reload.store(true, std::memory_order_relaxed);
}

int check(const std::string& file) {
  const Policy policy = load_policy(file);
  fmt::print("{}", describe(policy));
  for (const std::string& w : warnings(policy)) fmt::print("warning: {}\n", w);
  return 0;
}

/// Nothing when it cannot be used, and the operator wants a wire then.
std::optional<Policy> load(const Options& options) {
  try {
    Policy policy = load_policy(options.policy);
    for (const std::string& w : warnings(policy)) say(fmt::format("warning: {}", w));
    return policy;
  } catch (const PolicyError& e) {
    if (!options.fail_to_wire) throw;
    say(e.what());
    say("WITHOUT A POLICY: everything passes, both ways, until it is started with one (--fail "
        "wire)");
    return std::nullopt;
  }
}

int run(CommandLine& line) {
  const std::optional<Policy> policy = load(line.options);
  if (line.options.key)
    say("warning: --key fixes the secret; whoever knows it can tell every forged packet. Never use "
        "it in front of a real LAN");
  complete_eal_arguments(
      line.eal, policy ? needed_megabytes(*policy, line.options, workers_of(count_lcores(line.eal)))
                       : BareWire::needed_megabytes());
  std::vector<char*> arguments;
  for (std::string& word : line.eal) arguments.push_back(word.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0)
    throw std::runtime_error(
        fmt::format("EAL did not start: {} (its own words stand above)", rte_strerror(rte_errno)));
  std::signal(SIGINT, wish_stop);
  std::signal(SIGTERM, wish_stop);
  std::signal(SIGHUP, wish_reload);
  std::signal(SIGPIPE, SIG_IGN);  // a reader of events or of messages that leaves ends nothing
  const int status = policy ? Appliance(*policy, line.options).run(signalled)
                            : BareWire(line.options).run(signalled);
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
