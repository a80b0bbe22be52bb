// SPDX-License-Identifier: BSD-3-Clause
/// What the operator can ask for over the control socket: one row a command.
///
/// A request is a line of JSON, {"command": NAME, "arguments": {...}}. What is sent back are lines
/// too: any number of {"row": {...}}, then {"done": {...}}, or {"error": "one line"}.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "control/box.hpp"

namespace mitibox {

using Json = nlohmann::ordered_json;
/// Sends a row; throws when who asked has gone.
using Emit = std::function<void(const Json& row)>;

struct Command {
  std::string_view name;
  /// Runs in the control thread of this connection. `arguments` is an object from outside: check
  /// everything. Returns what stands behind "done". Throws ControlError.
  Json (*run)(Box& box, const Json& arguments, const Emit& emit);
};

/// All there are; each is declared in a file of its subject.
std::span<const Command> commands();

}  // namespace mitibox
