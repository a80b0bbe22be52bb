// SPDX-License-Identifier: BSD-3-Clause
/// Services beside the policy's: collects what workers find, reads scans, keeps the list, and has
/// it put in force.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chain/learning.hpp"
#include "control/regime.hpp"
#include "ruleset/registry.hpp"

namespace mitibox {

/// Any control thread, but restore() and start() before the workers run.
class Discovery {
 public:
  struct Config {
    unsigned workers = 1;
    Regime::Ask ask;  ///< throws ControlError when the worker stands still
    std::function<Date()> date;
    std::function<void(const std::string& line)> say;  ///< to the operator
  };
  static constexpr std::string_view kSection = "services";  ///< of the state file

  /// Becomes the one whom `regime` tells what retires; it must outlive this.
  Discovery(Regime& regime, Config config);
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  /// What save() gave in an earlier process. Text that cannot be used is said, and not used.
  void restore(std::string_view text);
  /// Puts in force what is known, scans that are there included; `ask` serves for workers that do
  /// not run yet.
  void start(const Regime::Ask& ask);
  /// Call about once a second. `findings`: of the workers.
  void tick(std::span<Findings* const> findings);
  /// The last time: `ask` serves for workers that no longer run.
  void finish(std::span<Findings* const> findings, const Regime::Ask& ask);
  [[nodiscard]] std::string save();

  // Commands of the operator's. Each is in force when it returns, or throws ControlError.
  void pin(const Destination& destination);
  void refuse(const Destination& destination);
  void forget(const Destination& destination);
  struct Imported {
    Date scanned{};
    std::size_t open = 0;
    Registry::Import done;
  };
  Imported import(const std::string& file);

  struct Found {
    Destination destination;
    FoundService service;
    bool in_force = false;
  };
  struct Listed {
    std::uint64_t hits = 0;
    std::optional<Date> last;
  };
  struct Report {
    std::map<Address, Listed> listed;  ///< the policy's, since the start
    std::vector<Found> found;
    std::size_t candidates = 0;
    std::uint64_t dropped = 0;
    std::optional<Date> learning_until;  ///< nothing: nothing is learned
  };
  /// As of now.
  [[nodiscard]] Report report();
  /// nullopt: it is not found.
  [[nodiscard]] std::optional<FoundService> find(const Destination& destination);
  [[nodiscard]] std::optional<Date> learning_until();

 private:
  /// A scan that the policy names, as it was when it was read last.
  struct Watched {
    std::optional<Date> next;
    std::int64_t changed = 0;  ///< content or permissions; ns since 1970
    std::int64_t size = -1;
    std::uint64_t inode = 0;
    bool broken = false;  ///< said
  };
  struct Hits {
    std::uint64_t count = 0;
    Time last{};
  };

  void obey();
  void take(std::span<Findings* const> findings, Date now);
  void collect(const Regime::Ask& ask);
  void settle(Date now);
  void look_at_scans(Date now);
  void look_at(const Policy::Import& import, Watched& watched, Date now);
  void publish(Date now, const Regime::Ask& ask);
  void publish_or_say(Date now, const Regime::Ask& ask);
  void retire(const Ruleset& rules, std::span<const Hit> hits);
  void change(const std::function<void(Date)>& what);

  Regime& regime_;
  Config config_;
  std::mutex mutex_;  ///< guards what follows; taken before the regime's
  std::shared_ptr<const Policy> policy_;
  Registry registry_;
  std::map<std::string, Watched> watched_;
  std::map<Address, Listed> listed_;
  std::vector<Destination> published_;
  bool learns_ = false;   ///< as published
  bool failing_ = false;  ///< to publish, and said
  std::optional<Date> next_round_;
  std::mutex hits_mutex_;  ///< guards what follows; the last to be taken
  std::map<Destination, Hits, Registry::Order> hits_;  ///< found: not yet in the registry
  std::map<Address, Hits> listed_hits_;
};

}  // namespace mitibox
