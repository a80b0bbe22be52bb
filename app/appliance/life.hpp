// SPDX-License-Identifier: BSD-3-Clause
/// The appliance's life beyond one process, and beside its packets: what it remembers, what its
/// service manager is told, and its links.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/secrets.hpp"
#include "base/service_manager.hpp"
#include "options.hpp"
#include "port/link_mirror.hpp"
#include "port/ports.hpp"
#include "shard/heartbeat.hpp"
#include "shard/owner.hpp"
#include "state/folder.hpp"
#include "state/keeper.hpp"
#include "state/trust_sections.hpp"

namespace mitibox {

/// Used by the control thread, but for save(). Nothing that is wrong with the state, the service
/// manager or a link stops the box: it is said.
class Life {
 public:
  /// Opens the folder, if this policy and these options keep state, and reads it.
  Life(const Policy& policy, const Options& options);

  [[nodiscard]] const Secrets& secrets() const { return secrets_; }
  /// How old the box is now, by its state.
  [[nodiscard]] Time age() const;
  /// The text of another room's section; nothing without one.
  [[nodiscard]] std::optional<std::string> text(const std::string& section) const;

  /// Distrust for the workers' chains; call when it is known who owns what.
  void prepare(const Owner& owner, unsigned workers);
  [[nodiscard]] const ReadTrust& trust() const { return trust_; }

  struct Run {
    const Ports& ports;
    Clock clock;
    Ask ask;  ///< throws when the worker stands still
    unsigned workers;
    RestoredTrust restored;  ///< by all
  };
  /// Call when the workers are about to forward.
  void begin(const Run& run);
  /// Call some ten times a second. `polls`: by worker.
  void tick(std::span<const std::uint64_t> polls);
  /// The workers are told to end.
  void stopping();
  /// They have ended; `ask` serves in their stead.
  void end(const Ask& ask);

  /// Any thread. nullptr: no state is kept, or not yet.
  [[nodiscard]] StateKeeper* keeper() const { return reachable_.load(std::memory_order_acquire); }
  /// Asks nobody any more.
  void release();

 private:
  void read_secrets(const Options& options);
  void watch_links(Time now);
  void feed(std::span<const std::uint64_t> polls, Time now);

  const Policy& policy_;
  std::optional<StateFolder> folder_;
  std::optional<Image> image_;
  Secrets secrets_;
  ReadTrust trust_;
  std::uint64_t layout_ = 0;
  std::optional<StateKeeper> keeper_;
  std::atomic<StateKeeper*> reachable_{nullptr};  ///< keeper_, once it is whole

  ServiceManager manager_;
  std::optional<Time> watchdog_;
  std::optional<Heartbeat> heartbeat_;
  std::array<std::unique_ptr<PortLink>, kSides> links_;
  std::optional<LinkMirror> mirror_;
  std::optional<Clock> clock_;
  bool ready_ = false;
};

}  // namespace mitibox
