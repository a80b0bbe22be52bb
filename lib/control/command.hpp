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
/// Sends a row, all rows of a command with the same keys; throws when who asked has gone.
using Emit = std::function<void(const Json& row)>;

/// Runs in the control thread of this connection. `arguments` is an object from outside: check
/// everything (control/arguments.hpp). Returns what stands behind "done". Throws ControlError.
using RunCommand = Json(Box& box, const Json& arguments, const Emit& emit);

struct Command {
  std::string_view name;
  RunCommand* run;
};

/// All there are, as the table in commands.cpp says; each is defined in a file of its subject.
std::span<const Command> commands();

/// Runs what a line asks for; believes nothing of it. Returns what stands behind "done". Throws
/// ControlError, and what `emit` throws.
Json run_request(Box& box, std::span<const Command> commands, std::string_view line,
                 const Emit& emit);

}  // namespace mitibox
