// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "control/command.hpp"

namespace mitibox {

namespace {

/// Of arrays and objects within each other; commands take two.
constexpr unsigned kDeepest = 32;

/// Whether brackets outside of text go deeper: what is made of them is taken apart by recursion.
bool too_deep(std::string_view json) {
  unsigned depth = 0;
  bool text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (text && c == '\\') {
      ++i;
    } else if (c == '"') {
      text = !text;
    } else if (!text && (c == '[' || c == '{')) {
      if (++depth > kDeepest) return true;
    } else if (!text && (c == ']' || c == '}') && depth != 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

Json run_request(Box& box, std::span<const Command> commands, std::string_view line,
                 const Emit& emit) {
  if (too_deep(line)) throw ControlError("the request is nested too deeply");
  const Json request = Json::parse(line, nullptr, false);
  if (request.is_discarded()) throw ControlError("the request is not a line of JSON");
  const auto name = request.is_object() ? request.find("command") : request.end();
  if (name == request.end() || !name->is_string())
    throw ControlError(R"(a request is {"command": NAME, "arguments": {...}})");
  for (const auto& [key, value] : request.items())
    if (key != "command" && key != "arguments")
      throw ControlError(fmt::format("request: '{}' is unknown", key));
  const Json arguments = request.value("arguments", Json::object());
  if (!arguments.is_object()) throw ControlError("arguments: expected an object");
  const auto wanted = name->get<std::string>();
  const auto known = std::find_if(commands.begin(), commands.end(),
                                  [&](const Command& c) { return c.name == wanted; });
  if (known == commands.end()) throw ControlError(fmt::format("there is no command '{}'", wanted));
  return known->run(box, arguments, emit);
}

}  // namespace mitibox
