// SPDX-License-Identifier: BSD-3-Clause
/// The appliance between EAL's start and its end.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "control/box.hpp"
#include "control/discovery.hpp"
#include "control/http_pages.hpp"
#include "control/http_server.hpp"
#include "control/regime.hpp"
#include "control/server.hpp"
#include "life.hpp"
#include "observe/event_log.hpp"
#include "observe/table_watch.hpp"
#include "observe/telemetry.hpp"
#include "options.hpp"
#include "port/ports.hpp"
#include "shard/owner.hpp"
#include "shard/worker.hpp"
#include "tracker/mapping.hpp"
#include "tracker/survivors.hpp"

namespace mitibox {

/// Workers for this many lcores: the first one controls, the others forward; a single one does
/// both.
constexpr unsigned workers_of(unsigned lcores) {
  return lcores <= 1 ? 1 : lcores - 1;
}

/// Memory that the policy and the options ask for, in MiB, buffers and EAL's own included.
std::size_t needed_megabytes(const Policy& policy, const Options& options, unsigned workers);

class Appliance : public Box {
 public:
  /// After rte_eal_init; both arguments must outlive it. Throws std::runtime_error.
  Appliance(const Policy& policy, const Options& options);
  ~Appliance() override;

  /// What others ask for while it runs, e.g. signal handlers.
  struct Wishes {
    std::atomic<bool> stop{false};
    std::atomic<bool> reload{false};  ///< taken back when it has been looked at
  };
  /// Forwards until it is to stop or the ports fall idle. Returns the exit status.
  int run(Wishes& wishes);

  [[nodiscard]] unsigned workers() const override { return static_cast<unsigned>(members_.size()); }
  [[nodiscard]] unsigned owner_of(const Address& source) const override {
    return owner_.of(source);
  }
  void ask(unsigned worker, Errand& errand) override;
  [[nodiscard]] Regime& regime() override { return regime_; }
  [[nodiscard]] Discovery& discovery() override { return discovery_; }
  [[nodiscard]] std::shared_ptr<const Policy> policy() const override { return regime_.policy(); }
  void select(const Policy::Events& events) override { events_->configure(events); }
  [[nodiscard]] BoxStatus status() const override;
  [[nodiscard]] Snapshot snapshot() const override;
  [[nodiscard]] StateKeeper* state() override { return life_.keeper(); }
  void tell(EventType type, const nlohmann::ordered_json& members) override;

 private:
  /// What one lcore owns, in memory of its own NUMA node.
  struct Member {
    unsigned lcore;
    rte_mempool* pool = nullptr;
    std::optional<PortWire> wire;
    std::optional<Observer> observer;
    Findings findings;
    std::optional<Chain> chain;
    std::optional<Worker> worker;
  };

  void find_survivors();
  void begin_life();
  void begin_discovery();
  [[nodiscard]] std::vector<Findings*> findings();
  void make_member(unsigned number);
  void listen();
  void print_until_finished();
  void make_events();
  void begin_events();
  void end_events();
  void watch_links();
  void warn_if_nic_disagrees();
  void reload_if_wished();

  const Policy& policy_;  ///< at the start; regime_ has the one in force
  const Options& options_;
  Life life_;
  std::deque<Member> members_;
  Ports::Config port_config_;
  rte_mempool* receive_pool_;
  Ports ports_;
  Owner owner_;
  Clock clock_;
  Regime regime_;
  Discovery discovery_;
  std::optional<Team> team_;
  std::optional<Mapping::Place> place_;    ///< with tables.persist
  std::optional<Survivors> survivors_;     ///< while the workers are made
  std::vector<Restored> restored_;         ///< by worker
  std::vector<RestoredTrust> distrusted_;  ///< by worker
  std::optional<EventLog> events_;
  TableWatch table_watch_;
  std::array<bool, kSides> link_up_{true, true};  ///< as told last, by the events' thread
  TelemetrySource telemetry_;
  Wishes* wishes_ = nullptr;
  std::atomic<unsigned> forwarding_{0};
  bool warned_ = false;
  std::optional<HttpPages> pages_;  ///< with http.listen
  std::optional<HttpServer> http_;
  std::optional<ControlServer> server_;  ///< last: what its commands use outlives them
};

}  // namespace mitibox
