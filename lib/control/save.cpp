// SPDX-License-Identifier: BSD-3-Clause
// save: what outlives the process, to the disk and now.
#include "control/arguments.hpp"
#include "state/keeper.hpp"

namespace mitibox {

RunCommand run_save;

Json run_save(Box& box, const Json& given, const Emit& /*emit*/) {
  const Arguments none(given, {});
  StateKeeper* const keeper = box.state();
  if (keeper == nullptr)
    throw ControlError(
        "this box keeps no state: its folder cannot be used, or --key, --until-idle or "
        "state.save_every \"0s\" says so");
  try {
    const StateKeeper::Saved saved = keeper->save();
    return {{"file", saved.file},
            {"sources", saved.sources},
            {"suspects", saved.cells},
            {"bytes", saved.bytes}};
  } catch (const std::runtime_error& e) {
    throw ControlError(e.what());
  }
}

}  // namespace mitibox
