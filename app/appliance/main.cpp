// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <exception>
#include <thread>

#include "base/eal.hpp"
#include "eal_arguments.hpp"
#include "observe/telemetry.hpp"
#include "options.hpp"
#include "port/ports.hpp"
#include "shard/worker.hpp"

namespace mitibox {

namespace {

constexpr std::uint16_t kDescriptors = 1024;
constexpr unsigned kCache = 256;
constexpr auto kPatience = std::chrono::milliseconds(500);
/// EAL's own structures, rings of the mempools, rounding.
constexpr std::size_t kOverheadMegabytes = 96;

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set by a signal handler");

void request_stop(int /*signal*/) {
  stop_requested.store(true, std::memory_order_relaxed);
}

unsigned receive_buffers(const Options& options) {
  if (options.mbufs != 0) return options.mbufs;
  // Both ports' descriptors both ways, what waits in the transmit queues, and the cache.
  return 4 * kDescriptors + 2 * Transmit::kQueue + 2 * kBurst + 4 * kCache;
}

std::size_t needed_megabytes(const Policy& policy, const Options& options) {
  const std::size_t buffers = receive_buffers(options) + policy.tables.reply_buffers;
  // Room for a frame of usual size; jumbo frames need more, and then an allocation says so.
  const std::size_t bytes = Chain::memory_bytes(policy, 1) + buffers * 2560;
  return bytes * 5 / 4 / (1U << 20U) + kOverheadMegabytes;
}

/// The appliance between EAL's start and its end.
class Appliance {
 public:
  Appliance(const Policy& policy, const Options& options)
      : options_(options),
        port_config_{{find_port(options.outside), find_port(options.inside)}, 1, kDescriptors},
        receive_pool_(make_pool("mitibox rx", receive_buffers(options),
                                Ports::buffer_size(port_config_), socket())),
        own_pool_(make_pool("mitibox own", policy.tables.reply_buffers, RTE_MBUF_DEFAULT_BUF_SIZE,
                            socket())),
        ports_(check_distinct(port_config_), receive_pool_),
        wire_(ports_, 0),
        chain_(policy,
               {"mitibox0", 1, Secrets::derive(options.key ? *options.key : random_key()),
                ports_.mac(Side::outside), own_pool_},
               wire_),
        worker_(ports_, chain_, Clock(), {0, options.until_idle}) {
    telemetry_.snapshot = [this] { return snapshot(); };
    telemetry_.source = [this](const Address& a) { return worker_.mailbox().ask(a, kPatience); };
    register_telemetry(telemetry_);
  }

  ~Appliance() { detach_telemetry(); }
  Appliance(const Appliance&) = delete;
  Appliance& operator=(const Appliance&) = delete;

  /// Returns the exit status.
  int run() {
    fmt::print("{}\n{}\n", ports_.describe(Side::outside), ports_.describe(Side::inside));
    const unsigned lcore = rte_get_next_lcore(UINT_MAX, 1, 0);
    if (lcore == RTE_MAX_LCORE) {
      fmt::print("forwarding on lcore {}\n", rte_lcore_id());
      std::fflush(stdout);
      std::thread control([this] { print_until_finished(); });
      run_worker(this);
      control.join();
    } else {
      fmt::print("forwarding on lcore {}, control on lcore {}\n", lcore, rte_lcore_id());
      std::fflush(stdout);
      rte_eal_remote_launch(&Appliance::run_worker, this, lcore);
      print_until_finished();
      rte_eal_wait_lcore(lcore);
    }
    const Snapshot last = snapshot();
    fmt::print("\n{}", render_table(last));
    if (const std::string error = check_accounting(last); !error.empty()) {
      fmt::print(stderr, "mitibox: accounting: {}\n", error);
      return 1;
    }
    return 0;
  }

 private:
  static int socket() { return static_cast<int>(rte_socket_id()); }

  static const Ports::Config& check_distinct(const Ports::Config& config) {
    if (config.ids[0] == config.ids[1])
      throw std::runtime_error("--outside and --inside name the same port; expected two");
    return config;
  }

  static int run_worker(void* self) {
    auto& appliance = *static_cast<Appliance*>(self);
    appliance.worker_.run(stop_requested);
    appliance.finished_ = true;
    return 0;
  }

  Snapshot snapshot() const {
    Snapshot s = take_snapshot({&chain_});
    add_ports(s, ports_.id(Side::outside), ports_.id(Side::inside));
    return s;
  }

  /// The control thread's work: sleeps between the tables.
  void print_until_finished() {
    using Clock = std::chrono::steady_clock;
    auto next = Clock::now() + options_.stats_period;
    while (!finished_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      if (options_.stats_period.count() == 0 || Clock::now() < next) continue;
      next += options_.stats_period;
      fmt::print("\n{}", render_table(snapshot()));
      std::fflush(stdout);
    }
  }

  const Options& options_;
  Ports::Config port_config_;
  rte_mempool* receive_pool_;
  rte_mempool* own_pool_;
  Ports ports_;
  PortWire wire_;
  Chain chain_;
  Worker worker_;
  TelemetrySource telemetry_;
  std::atomic<bool> finished_{false};
};

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
  complete_eal_arguments(line.eal, needed_megabytes(policy, line.options));
  std::vector<char*> arguments;
  for (std::string& word : line.eal) arguments.push_back(word.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0)
    throw std::runtime_error(
        fmt::format("EAL did not start: {} (its own words stand above)", rte_strerror(rte_errno)));
  if (rte_lcore_count() > 2)
    throw std::runtime_error(fmt::format(
        "{} lcores given; this version forwards on one: give -l with one core, or with two (the "
        "first one controls)",
        rte_lcore_count()));
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  int status = 0;
  {
    Appliance appliance(policy, line.options);
    status = appliance.run();
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
