// SPDX-License-Identifier: BSD-3-Clause
// The appliance's data path between two ports until a signal or for a stated time, with
// connections that are open beforehand. Prints the operator's table, then one line of JSON.
#include <fmt/format.h>
#include <sched.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include <rte_version.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/program_options.hpp>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/eal.hpp"
#include "chain/chain.hpp"
#include "observe/event_log.hpp"
#include "observe/snapshot.hpp"
#include "opener.hpp"
#include "port/ports.hpp"
#include "sample.hpp"
#include "shard/owner.hpp"
#include "shard/worker.hpp"

namespace po = boost::program_options;

namespace mitibox::bench {

namespace {

/// The workers keep the real-time class that the process was started in. This thread waits for
/// those that it makes, in sleeps too short to let them run if all are in that class on one CPU.
void be_ordinary() {
  const sched_param none{};
  if (sched_setscheduler(0, SCHED_OTHER, &none) != 0)
    throw std::runtime_error("cannot leave the real-time class");
}

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
  unsigned jump = 0;
  bool rooms = false;       ///< say where the time goes
  bool unobserved = false;  ///< no heavy hitters, load and events
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
  add("jump", po::value<unsigned>()->default_value(0));
  add("rooms", "");
  add("unobserved", "");
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
  o.jump = m["jump"].as<unsigned>();
  o.rooms = m.count("rooms") != 0;
  o.unobserved = m.count("unobserved") != 0;
  return o;
}

std::vector<unsigned> forwarding_lcores() {
  std::vector<unsigned> lcores;
  for (unsigned l = rte_get_next_lcore(UINT_MAX, 1, 0); l < RTE_MAX_LCORE;
       l = rte_get_next_lcore(l, 1, 0))
    lcores.push_back(l);
  if (lcores.empty()) throw std::runtime_error("give two lcores or more: the first one controls");
  return lcores;
}

/// Each second queue is a worker's: net_pcap counts one beside what it reads of another.
std::uint16_t queue_of(unsigned worker) {
  return static_cast<std::uint16_t>(2 * worker);
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        policy_(load_policy(options.policy)),
        lcores_(forwarding_lcores()),
        workers_(static_cast<unsigned>(lcores_.size())),
        receive_(make_pool("bench rx", options.mbufs, options.room, 0)),
        ports_(Ports::Config{{0, 1}, static_cast<std::uint16_t>(queue_of(workers_ - 1) + 1), 1024},
               receive_),
        owner_(policy_, secrets(), workers_, ports_.steering()),
        clock_(options.clock, options.jump) {
    if (workers_ > 1) team_.emplace("bench", workers_);
    for (unsigned i = 0; i < workers_; ++i) make_member(i);
    std::vector<Recorder*> recorders;
    for (Member& m : members_)
      if (m.observer) recorders.push_back(&m.observer->recorder);
    be_ordinary();
    events_.emplace(policy_.events, std::move(recorders));
    events_->start(
        [this] {
          return EventLog::Moment{clock_.read().time, std::chrono::system_clock::now()};
        },
        [] {});
  }

  int run() {
    for (unsigned i = 0; i < workers_; ++i)
      rte_eal_remote_launch(&Member::launch, &members_[i], lcores_[i]);
    while (ready_ < workers_ && !stop_requested) wait(0.01);
    const Sample start = sample();
    open_ = true;
    wait(options_.warm_up);
    const Sample before = sample();
    wait(options_.seconds != 0 ? options_.seconds : 1e9);
    const Sample after = sample();
    stop_requested = true;
    rte_eal_mp_wait_lcore();
    for (const Member& m : members_)
      if (!m.failure.empty()) throw std::runtime_error(m.failure);
    report(start, before, after);
    return 0;
  }

 private:
  /// What one lcore owns.
  struct Member {
    Bench* bench = nullptr;
    Preload preload;
    rte_mempool* pool = nullptr;
    std::optional<PortWire> wire;
    std::optional<Gate> gate;
    std::optional<Observer> observer;
    std::optional<Chain> chain;
    std::optional<Worker> worker;
    std::uint64_t opening_cycles = 0;
    Chain::Profile profile;
    std::string failure;

    static int launch(void* self) {
      static_cast<Member*>(self)->forward();
      return 0;
    }
    void forward() {
      try {
        opening_cycles = open_connections(*chain, pool, preload, bench->clock_);
        ++bench->ready_;
        while (!bench->open_ && !stop_requested) rte_pause();
        gate->open = true;
        if (bench->options_.rooms) chain->measure(&profile);
        worker->run(stop_requested);
      } catch (const std::exception& e) {
        failure = e.what();
        stop_requested = true;
        if (bench->team_) --bench->team_->receiving;
      }
    }
  };

  void make_member(unsigned number) {
    Member& m = members_.emplace_back();
    m.bench = this;
    m.preload = options_.preload;
    m.pool = make_pool(fmt::format("bench own {}", number), 8191, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    const std::uint16_t queue = queue_of(number);
    m.wire.emplace(ports_, queue);
    m.gate.emplace(*m.wire);
    Chain::Config config{.name = fmt::format("bench{}", number),
                         .workers = workers_,
                         .secrets = secrets(),
                         .own_mac = ports_.mac(Side::outside),
                         .pool = m.pool};
    if (team_) {
      m.preload.owner = &owner_;
      m.preload.self = number;
      config.facts = &team_->facts.sink(number);
      config.speaks = number == 0;
      config.owner = &owner_;
      config.self = number;
      config.handoff = &team_->handoff;
    }
    if (!options_.unobserved) {
      m.observer.emplace(config.name, secrets().table,
                         Recorder::Config::of(policy_.events, number));
      config.observer = &*m.observer;
    }
    m.chain.emplace(policy_, config, *m.gate);
    m.worker.emplace(
        ports_, *m.chain, clock_,
        Worker::Config{.number = number, .queue = queue, .team = team_ ? &*team_ : nullptr});
  }

  /// Until the time is over or a signal came.
  static void wait(double seconds) {
    using Steady = std::chrono::steady_clock;
    const auto end = Steady::now() + std::chrono::duration<double>(seconds);
    while (!stop_requested && Steady::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  [[nodiscard]] Sample sample() const {
    Sample s;
    s.cycles = rte_rdtsc();
    for (const Member& m : members_) s.add(m.chain->counters());
    return s;
  }

  void report(const Sample& start, const Sample& before, const Sample& after) {
    std::uint64_t packets = 0;
    for (std::size_t i = 0; i < kSides; ++i) packets += after.received[i] - before.received[i];
    const auto cycles = static_cast<double>(after.cycles - before.cycles);
    const auto hz = static_cast<double>(rte_get_tsc_hz());
    const auto count = static_cast<double>(packets == 0 ? 1 : packets);
    std::vector<const Chain*> chains;
    std::uint64_t opening_cycles = 0;
    for (const Member& m : members_) {
      chains.push_back(&*m.chain);
      opening_cycles = std::max(opening_cycles, m.opening_cycles);
    }
    const Snapshot s = take_snapshot(chains);
    const char* const family = options_.preload.family == Family::v4 ? "ipv4" : "ipv6";
    fmt::print("{}", render_table(s));
    if (options_.rooms) report_rooms(start);
    fmt::print(
        "{{\"mpps\": {:.3f}, \"cycles\": {:.1f}, \"tsc_hz\": {:.0f}, \"dpdk\": \"{}\", "
        "\"workers\": {}, \"connections\": {}, \"proven_sources\": {}, \"opening_cycles\": {}, "
        "{}}}\n",
        count / cycles * hz / 1e6, cycles * workers_ / count, hz, rte_version(), workers_,
        s.get("tables", fmt::format("{}_connections", family)), s.get("trust", "proven_sources"),
        opening_cycles, difference(start, sample()));
  }

  void report_rooms(const Sample& start) {
    const Sample end = sample();
    std::uint64_t packets = 0;
    for (std::size_t i = 0; i < kSides; ++i) packets += end.received[i] - start.received[i];
    for (std::size_t room = 0; room < Chain::Profile::kRooms.size(); ++room) {
      std::uint64_t cycles = 0;
      for (const Member& m : members_) cycles += m.profile.cycles[room];
      fmt::print(
          "room {:<8} {:6.1f} cycles a packet\n", Chain::Profile::kRooms[room],
          static_cast<double>(cycles) / static_cast<double>(std::max<std::uint64_t>(1, packets)));
    }
  }

  Options options_;
  Policy policy_;
  std::vector<unsigned> lcores_;
  unsigned workers_;
  rte_mempool* receive_;
  Ports ports_;
  Owner owner_;
  Clock clock_;
  std::optional<Team> team_;
  std::deque<Member> members_;
  std::optional<EventLog> events_;
  std::atomic<unsigned> ready_{0};
  std::atomic<bool> open_{false};  ///< the measurement begins
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
