// SPDX-License-Identifier: BSD-3-Clause
// reload: another policy, without a packet or what is known of one lost.
#include "control/reload.hpp"

#include "control/arguments.hpp"
#include "control/errands.hpp"
#include "control/regime.hpp"

namespace mitibox {

RunCommand run_reload;

std::string reload(Box& box, std::string file) {
  if (file.empty()) file = box.regime().file();
  try {
    box.regime().replace(load_policy(file), file);
    const auto policy = box.policy();
    for (unsigned i = 0; i < box.workers(); ++i) {
      SetEvents errand(policy->events);
      box.ask(i, errand);
    }
    box.select(policy->events);
  } catch (const std::exception& e) {
    box.tell(EventType::policy_refused, {{"policy", file}, {"error", e.what()}});
    throw ControlError(e.what());
  }
  box.tell(EventType::policy_reloaded, {{"policy", file}});
  return file;
}

Json run_reload(Box& box, const Json& given, const Emit& /*emit*/) {
  const Arguments arguments(given, {"file"});
  const std::string file = reload(box, arguments.has("file") ? arguments.text("file") : "");
  const auto policy = box.policy();
  return {{"policy", file},
          {"mode", policy->mode == Policy::Mode::monitor ? "monitor" : "on"},
          {"warnings", warnings(*policy)},
          {"note", "in force; connections and distrust stay as they are"}};
}

}  // namespace mitibox
