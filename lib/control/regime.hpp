// SPDX-License-Identifier: BSD-3-Clause
/// What is in force: the policy, services that were found, bypasses; and how all of it changes
/// while packets pass.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "chain/orders.hpp"
#include "policy/policy.hpp"
#include "shard/mailbox.hpp"

namespace mitibox {

/// Any control thread. A change is made aside, whole, and each worker takes it over between two
/// bursts; nothing that the workers know of packets is lost by it.
class Regime {
 public:
  struct Config {
    std::shared_ptr<const Policy> policy;
    std::string file;  ///< that it was read from
    unsigned workers = 1;
    /// Throws ControlError when the worker stands still.
    std::function<void(unsigned worker, Errand& errand)> ask;
    std::function<Time()> age;  ///< the box's time
  };
  /// What a worker has counted under rules that are no longer in force.
  using Retired = std::function<void(const Ruleset& rules, std::span<const Hit> hits)>;

  explicit Regime(Config config);

  [[nodiscard]] std::shared_ptr<const Policy> policy() const;
  [[nodiscard]] std::string file() const;
  [[nodiscard]] std::shared_ptr<const Ruleset> ruleset() const;
  /// Those that have not ended.
  [[nodiscard]] std::vector<Bypass> bypasses() const;

  // Each change throws ControlError when a worker stands still: then it goes by what was before,
  // until the next change.

  /// Puts a policy in the place of the one in force. Throws PolicyError naming what cannot change
  /// in a running box; then nothing has.
  void replace(Policy policy, const std::string& file);
  using Ask = std::function<void(unsigned worker, Errand& errand)>;
  /// Services beside the policy's, in place of those given before; and whether the learning period
  /// lasts. `ask`: instead of the configured one, while no worker runs.
  void set_found(std::vector<Destination> found, bool learns = false, const Ask& ask = {});
  /// Takes the place of one for the same source, destination and port. Throws ControlError when
  /// there are too many.
  void begin(const Bypass& bypass);
  /// Returns how many of this source have ended.
  std::size_t end(const Prefix& source);

  [[nodiscard]] Time age() const { return config_.age(); }
  /// Called by whoever makes a change, for each worker. Before the first change.
  void on_retired(Retired retired) { retired_ = std::move(retired); }

 private:
  void apply(const Ask& ask);
  void apply() { apply(config_.ask); }
  void expire();

  Config config_;
  Retired retired_;
  mutable std::mutex mutex_;  ///< guards what follows
  std::shared_ptr<const Policy> policy_;
  std::string file_;
  std::vector<Destination> found_;
  bool learns_ = false;
  std::shared_ptr<const Ruleset> ruleset_;
  Bypasses bypasses_;
};

}  // namespace mitibox
