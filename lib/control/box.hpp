// SPDX-License-Identifier: BSD-3-Clause
/// The running box as the control plane sees it.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "observe/snapshot.hpp"
#include "policy/policy.hpp"
#include "shard/mailbox.hpp"

namespace mitibox {

class Discovery;
class Regime;
class StateKeeper;

/// A request that cannot be carried out; what() is one line for the operator.
class ControlError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the box says of itself.
struct BoxStatus {
  struct Port {
    std::string device, mac;
    bool up = false;
    std::uint32_t mbps = 0;  ///< 0: the driver does not know
  };
  std::string version;
  std::chrono::seconds uptime{0};
  std::array<Port, kSides> ports;  ///< by Side
  std::vector<unsigned> lcores;    ///< by worker
  std::string policy_file;
  std::vector<std::string> warnings;  ///< lines for the operator
};

/// Any control thread; what it implements serialises what must be.
class Box {
 public:
  Box() = default;
  virtual ~Box() = default;
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  [[nodiscard]] virtual unsigned workers() const = 0;
  /// The worker that holds all state of this source.
  [[nodiscard]] virtual unsigned owner_of(const Address& source) const = 0;
  /// Throws ControlError when that worker stands still.
  virtual void ask(unsigned worker, Errand& errand) = 0;
  /// What is in force, and how it changes.
  [[nodiscard]] virtual Regime& regime() = 0;
  /// Services that no policy lists.
  [[nodiscard]] virtual Discovery& discovery() = 0;
  /// In force now; stays good while it is held, though another may have come into force.
  [[nodiscard]] virtual std::shared_ptr<const Policy> policy() const = 0;
  [[nodiscard]] virtual BoxStatus status() const = 0;
  /// From now on these events are written.
  virtual void select(const Policy::Events& /*events*/) {}
  /// An event of the control plane's own (docs/events.md); never waits.
  virtual void tell(EventType /*type*/, const nlohmann::ordered_json& /*members*/) {}
  /// Of all workers and ports.
  [[nodiscard]] virtual Snapshot snapshot() const = 0;
  /// Who saves what outlives the process; nullptr: nothing does, or nobody yet.
  [[nodiscard]] virtual StateKeeper* state() { return nullptr; }
};

}  // namespace mitibox
