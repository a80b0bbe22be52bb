// SPDX-License-Identifier: BSD-3-Clause
/// Scalar counters over rte_telemetry: dpdk-telemetry.py and mitiboxctl read them.
#pragma once

#include <rte_telemetry.h>

#include <functional>
#include <optional>

#include "observe/snapshot.hpp"
#include "trust/trust.hpp"

namespace mitibox {

/// What the telemetry thread asks the appliance.
struct TelemetrySource {
  std::function<Snapshot()> snapshot;
  struct Standing {
    TrustLevel level;
    Time now;
  };
  /// Of a source by its address, from the lcore that owns it; nothing when it stands still.
  std::function<std::optional<Standing>(const Address&)> source;
};

/// Registers /mitibox/GROUP for each group of the snapshot, and /mitibox/source,ADDRESS. Once a
/// process, after rte_eal_init; asks `source` until detach_telemetry(). `add`: with whom.
void register_telemetry(const TelemetrySource& source,
                        decltype(&rte_telemetry_register_cmd) add = rte_telemetry_register_cmd);
/// Before the source ends: commands that come later are answered with nothing.
void detach_telemetry();

}  // namespace mitibox
