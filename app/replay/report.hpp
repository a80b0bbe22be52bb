// SPDX-License-Identifier: BSD-3-Clause
/// What a replay found, for a reader and for a program.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine.hpp"

namespace mitibox::replay {

struct ReportOptions {
  Key128 key;
  bool key_given = false;
  std::size_t top = 10;  ///< sources listed
};

/// Keys and their order are stable: programs read them.
nlohmann::ordered_json make_report(const Engine& engine, const Merge& captures,
                                   const Policy& policy, const ReportOptions& options);

/// Every frame ended in exactly one place, and the ports agree.
bool accounts_balance(const nlohmann::ordered_json& report);

/// The same as tables; ends with a line feed.
std::string as_text(const nlohmann::ordered_json& report);

std::string to_hex(Key128 key);

}  // namespace mitibox::replay
