// SPDX-License-Identifier: BSD-3-Clause
// stats: every counter, by group.
#include "control/arguments.hpp"

namespace mitibox {

RunCommand run_stats;

Json run_stats(Box& box, const Json& given, const Emit& /*emit*/) {
  const Arguments none(given, {});
  Json all = Json::object();
  for (const Snapshot::Group& group : box.snapshot().groups) {
    Json& entries = all[group.name] = Json::object();
    for (const Snapshot::Entry& e : group.entries) entries[e.name] = e.value;
  }
  return all;
}

}  // namespace mitibox
