// SPDX-License-Identifier: BSD-3-Clause
#include "appliance.hpp"

#include <fmt/format.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <exception>
#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "base/eal.hpp"
#include "base/say.hpp"
#include "control/errands.hpp"
#include "control/reload.hpp"

namespace mitibox {

namespace {

constexpr std::uint16_t kDescriptors = 1024;
constexpr unsigned kCache = 256;
constexpr unsigned kLeastReplies = 512;
/// EAL's own structures, rings of the mempools, rounding.
constexpr std::size_t kOverheadMegabytes = 96;

unsigned receive_buffers(const Options& options, unsigned workers) {
  if (options.mbufs != 0) return options.mbufs;
  // Both ports' descriptors both ways, what waits in the transmit queues, between workers, for the
  // rest of its datagram and for its host, and the caches.
  const unsigned one = 4 * kDescriptors + 2 * Transmit::kQueue + 2 * kBurst + Reassembly::kFrames +
                       Splices::kMostHeld + 4 * kCache;
  return workers * (one + (workers - 1) * HandOff::kFrames);
}

unsigned reply_buffers(const Policy& policy, unsigned workers) {
  // Besides, drivers keep what they have sent until its descriptor is needed again.
  return std::max(kLeastReplies, policy.tables.reply_buffers / workers) + 2 * kDescriptors +
         2 * Transmit::kQueue + kCache;
}

std::vector<unsigned> forwarding_lcores() {
  std::vector<unsigned> lcores;
  for (unsigned l = rte_get_next_lcore(UINT_MAX, 1, 0); l < RTE_MAX_LCORE;
       l = rte_get_next_lcore(l, 1, 0))
    lcores.push_back(l);
  if (lcores.empty()) lcores.push_back(rte_lcore_id());
  return lcores;
}

const Ports::Config& check(const Ports::Config& config) {
  if (config.ids[0] == config.ids[1])
    throw std::runtime_error("--outside and --inside name the same port; expected two");
  return config;
}

/// Runs it on that lcore, which may be this one, and passes on what it throws.
void run_on(unsigned lcore, const std::function<void()>& task) {
  if (lcore == rte_lcore_id()) return task();
  struct Call {
    const std::function<void()>& task;
    std::exception_ptr thrown;
  } call{task, nullptr};
  rte_eal_remote_launch(
      [](void* argument) {
        auto& c = *static_cast<Call*>(argument);
        try {
          c.task();
        } catch (...) {
          c.thrown = std::current_exception();
        }
        return 0;
      },
      &call, lcore);
  rte_eal_wait_lcore(lcore);
  if (call.thrown) std::rethrow_exception(call.thrown);
}

}  // namespace

std::size_t needed_megabytes(const Policy& policy, const Options& options, unsigned workers) {
  const std::size_t buffers =
      receive_buffers(options, workers) + std::size_t{workers} * reply_buffers(policy, workers);
  // Room for a frame of usual size; jumbo frames need more, and then an allocation says so.
  const std::size_t bytes =
      Chain::memory_bytes(policy, workers) + workers * Observer::memory_bytes() + buffers * 2560;
  return bytes * 5 / 4 / (1U << 20U) + kOverheadMegabytes;
}

Appliance::Appliance(const Policy& policy, const Options& options)
    : policy_(policy),
      options_(options),
      life_(policy, options),
      members_([] {
        std::deque<Member> members;
        for (const unsigned lcore : forwarding_lcores()) members.emplace_back().lcore = lcore;
        return members;
      }()),
      port_config_{{find_port(options.outside), find_port(options.inside)},
                   static_cast<std::uint16_t>(members_.size()),
                   kDescriptors,
                   life_.secrets().owner.k0,
                   Owned(policy).ipv6},
      receive_pool_(make_pool(
          "mitibox rx", receive_buffers(options, static_cast<unsigned>(members_.size())),
          Ports::buffer_size(check(port_config_)),
          static_cast<int>(
              port_socket(port_config_.ids[index(Side::outside)]).value_or(rte_socket_id())))),
      ports_(port_config_, receive_pool_),
      owner_(policy, life_.secrets(), static_cast<unsigned>(members_.size()), ports_.steering()),
      regime_({.policy = {std::shared_ptr<const Policy>(), &policy},
               .file = options.policy,
               .workers = static_cast<unsigned>(members_.size()),
               .ask = [this](unsigned worker, Errand& errand) { ask(worker, errand); },
               .age = [this] { return clock_.read().time; }}),
      discovery_(regime_, {.workers = static_cast<unsigned>(members_.size()),
                           .ask = [this](unsigned worker, Errand& errand) { ask(worker, errand); },
                           .date =
                               [] {
                                 return std::chrono::floor<std::chrono::seconds>(
                                     std::chrono::system_clock::now());
                               },
                           .say = [](const std::string& line) { say(line); }}) {
  if (members_.size() > 1) team_.emplace("mitibox", static_cast<unsigned>(members_.size()));
  clock_.set_age(life_.age());
  life_.prepare(owner_, workers());
  find_survivors();
  restored_.resize(members_.size());
  distrusted_.resize(members_.size());
  for (unsigned i = 0; i < members_.size(); ++i)
    run_on(members_[i].lcore, [this, i] { make_member(i); });
  if (survivors_) survivors_->clear();
  begin_discovery();
  make_events();
  telemetry_.snapshot = [this] { return snapshot(); };
  telemetry_.source = [this](const Address& a) -> std::optional<TelemetrySource::Standing> {
    try {
      LevelOf question(a);
      ask(owner_of(a), question);
      return TelemetrySource::Standing{question.level, question.asked_at};
    } catch (const ControlError&) {
      return std::nullopt;
    }
  };
  listen();
  begin_life();
  register_telemetry(telemetry_);  // last: a constructor that throws has no destructor run
}

Appliance::~Appliance() {
  server_.reset();
  life_.release();
  detach_telemetry();
}

/// Connections of an earlier run under the same file prefix. A run with a fixed key or one that
/// ends by itself is for comparison, and begins with nothing.
void Appliance::find_survivors() {
  if (!policy_.tables.persist || options_.key || options_.until_idle.count() != 0) return;
  const Now now(clock_.since_start());
  place_ = Mapping::Place::standard(now);
  survivors_.emplace(*place_, now);
  for (const std::string& remark : survivors_->remarks()) say(remark);
}

void Appliance::make_member(unsigned number) {
  Member& m = members_[number];
  const auto workers = static_cast<unsigned>(members_.size());
  m.pool = make_pool(fmt::format("mitibox own {}", number), reply_buffers(policy_, workers),
                     RTE_MBUF_DEFAULT_BUF_SIZE, static_cast<int>(rte_socket_id()));
  m.wire.emplace(ports_, static_cast<std::uint16_t>(number));
  Chain::Config config{.name = fmt::format("mitibox{}", number),
                       .workers = workers,
                       .secrets = life_.secrets(),
                       .own_mac = ports_.mac(Side::outside),
                       .pool = m.pool};
  config.verified_checksums = ports_.verified_checksums();
  // What waits must not take the ports all of theirs, however few there are.
  const unsigned waits = receive_buffers(options_, workers) / workers / 4;
  config.held_fragments = std::min(Reassembly::kFrames, waits);
  config.held_segments = std::min(Splices::kMostHeld, waits);
  if (team_) {
    config.facts = &team_->facts.sink(number);
    config.speaks = number == 0;
    config.owner = &owner_;
    config.self = number;
    config.handoff = &team_->handoff;
  }
  config.place = place_ ? &*place_ : nullptr;
  config.started = clock_.age_at_start();
  m.observer.emplace(config.name, random_key(), Recorder::Config::of(policy_.events, number));
  config.observer = &*m.observer;
  config.findings = &m.findings;
  m.chain.emplace(policy_, config, *m.wire);
  if (survivors_) restored_[number] = m.chain->restore(*survivors_, clock_.read());
  distrusted_[number] = m.chain->restore(life_.trust().trust, life_.trust().cells, clock_.read());
  m.worker.emplace(ports_, *m.chain, clock_,
                   Worker::Config{.number = number,
                                  .queue = static_cast<std::uint16_t>(number),
                                  .until_idle = options_.until_idle,
                                  .team = team_ ? &*team_ : nullptr});
}

int Appliance::run(Wishes& wishes) {
  print_out(fmt::format("{}\n{}\n", ports_.describe(Side::outside), ports_.describe(Side::inside)));
  std::vector<unsigned> lcores;
  for (const Member& m : members_) lcores.push_back(m.lcore);
  for (const std::string& w : ports_.warnings(lcores)) say(w);
  Restored all;
  for (const Restored& r : restored_) {
    all.connections += r.connections;
    all.expired += r.expired;
    all.refused += r.refused;
  }
  if (all.connections + all.expired + all.refused != 0)
    print_out(
        fmt::format("connections of the run before: {} go on, {} have expired, {} find no room\n",
                    all.connections, all.expired, all.refused));
  survivors_.reset();
  wishes_ = &wishes;
  forwarding_ = static_cast<unsigned>(members_.size());
  const bool alone = lcores.front() == rte_lcore_id();
  if (alone)
    print_out(fmt::format("forwarding on lcore {}\n", rte_lcore_id()));
  else
    print_out(fmt::format("forwarding on lcore {}, control on lcore {}\n", fmt::join(lcores, ", "),
                          rte_lcore_id()));

  struct Start {
    Appliance* self;
    Member* member;
  };
  std::vector<Start> starts;
  for (Member& m : members_) starts.push_back({this, &m});
  const auto work = [](void* argument) {
    const Start& start = *static_cast<Start*>(argument);
    start.member->worker->run(start.self->wishes_->stop);
    --start.self->forwarding_;
    return 0;
  };
  begin_events();
  if (alone) {
    std::thread control([this] { print_until_finished(); });
    work(starts.data());
    control.join();
  } else {
    for (Start& s : starts) rte_eal_remote_launch(work, &s, s.member->lcore);
    print_until_finished();
    rte_eal_mp_wait_lcore();
  }
  const auto in_its_place = [this](unsigned worker, Errand& errand) {
    errand.serve(*members_[worker].chain, clock_.read());
  };
  discovery_.finish(findings(), in_its_place);
  life_.end(in_its_place);
  end_events();
  const Snapshot last = snapshot();
  print_out(fmt::format("\n{}", render_table(last)));
  if (const std::string error = check_accounting(last); !error.empty()) {
    say(fmt::format("accounting: {}", error));
    return 1;
  }
  return 0;
}

Snapshot Appliance::snapshot() const {
  std::vector<const Chain*> chains;
  for (const Member& m : members_) chains.push_back(&*m.chain);
  Snapshot s = take_snapshot(chains);
  if (events_) add_events(s, events_->counters());
  add_ports(s, ports_.id(Side::outside), ports_.id(Side::inside));
  add_buffers(s, "received", receive_pool_);
  for (const Member& m : members_) add_buffers(s, "made", m.pool);
  return s;
}

void Appliance::warn_if_nic_disagrees() {
  if (warned_ || !ports_.steering().nic) return;
  const Snapshot s = snapshot();
  for (const char* side : {"outside", "inside"}) {
    const auto at_owner = s.get("counters", fmt::format("at_owner_{}", side));
    const auto handed = s.get("counters", fmt::format("handed_{}", side));
    constexpr std::uint64_t kEnough = 10'000;
    if (at_owner + handed < kEnough || handed <= at_owner / 4) continue;
    say(fmt::format(
        "port {}: only {}% of the packets arrive at the worker that owns them, "
        "though the driver agreed to spread them by outside address; the rest are handed "
        "over, which costs throughput\n",
        side, 100 * at_owner / (at_owner + handed)));
    warned_ = true;
  }
}

std::vector<Findings*> Appliance::findings() {
  std::vector<Findings*> out;
  for (Member& m : members_) out.push_back(&m.findings);
  return out;
}

/// Before the first packet: clients of services that were found must not meet a box that has
/// forgotten them.
void Appliance::begin_discovery() {
  if (const auto text = life_.text(std::string(Discovery::kSection))) discovery_.restore(*text);
  discovery_.start([this](unsigned worker, Errand& errand) {
    errand.serve(*members_[worker].chain, clock_.read());
  });
}

void Appliance::reload_if_wished() {
  if (!wishes_->reload.exchange(false, std::memory_order_relaxed)) return;
  try {
    say(fmt::format("policy {} is in force", reload(*this, "")));
    for (const std::string& w : warnings(*regime_.policy())) say(fmt::format("warning: {}", w));
  } catch (const ControlError& e) {
    say(fmt::format("the policy in force stays: {}", e.what()));
  }
}

/// The control thread's work: sleeps between the tables.
void Appliance::print_until_finished() {
  using Wall = std::chrono::steady_clock;
  auto next = Wall::now() + options_.stats_period;
  auto check = Wall::now();
  std::vector<std::uint64_t> polls(members_.size());
  bool stopping = false;
  const std::vector<Findings*> found = findings();
  while (forwarding_ != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (std::size_t i = 0; i < polls.size(); ++i) polls[i] = members_[i].worker->polls();
    if (wishes_->stop.load(std::memory_order_relaxed) && !std::exchange(stopping, true))
      life_.stopping();
    life_.tick(polls);
    reload_if_wished();
    if (Wall::now() >= check) {
      warn_if_nic_disagrees();
      discovery_.tick(found);
      check += std::chrono::seconds(1);
    }
    if (options_.stats_period.count() == 0 || Wall::now() < next) continue;
    next += options_.stats_period;
    print_out(fmt::format("\n{}", render_table(snapshot())));
  }
}

}  // namespace mitibox
