// SPDX-License-Identifier: BSD-3-Clause
/// A box without a policy, which the operator prefers to a cut wire (--fail wire).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "appliance.hpp"
#include "base/service_manager.hpp"
#include "options.hpp"
#include "port/ports.hpp"

namespace mitibox {

/// Forwards every frame as it came, on the calling lcore. Judges nothing.
class BareWire {
 public:
  /// After rte_eal_init. Throws std::runtime_error.
  explicit BareWire(const Options& options);

  /// Until it is to stop; or until it is told to reload and the policy can be used: then the exit
  /// status asks the service manager for a new start.
  int run(Appliance::Wishes& wishes);

  /// MiB of memory that it needs.
  static std::size_t needed_megabytes();

 private:
  void pass(Side from);
  bool policy_is_good() const;

  const Options& options_;
  Ports ports_;
  ServiceManager manager_;
  std::uint64_t forwarded_ = 0;
  std::uint64_t refused_ = 0;  ///< by the port
};

}  // namespace mitibox
