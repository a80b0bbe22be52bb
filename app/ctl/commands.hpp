// SPDX-License-Identifier: BSD-3-Clause
/// What mitiboxctl can be told: one row a command.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mitibox::ctl {

using Json = nlohmann::ordered_json;

/// A command line that cannot be used.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Command {
  std::string_view word;  ///< as the box knows it too
  /// What may follow, in this order; brackets around what may be left out. WORD: a value, sent
  /// under that name in lower case. `word VALUE`: sent under `word`, and these in any order. FILE:
  /// a path, made absolute. What stands behind a slash is for people: PORT[/udp].
  std::string_view pattern;
  std::string_view help;
  /// Its answer is a list: an array with --json, however many rows there are.
  bool lists = false;
};

std::span<const Command> commands();
/// Throws UsageError.
const Command& find_command(const std::string& word);

/// The request's arguments. `words`: those behind the command's own. Throws UsageError.
Json make_arguments(const Command& command, std::span<const std::string> words);

}  // namespace mitibox::ctl
