// SPDX-License-Identifier: BSD-3-Clause
/// The tables of policies that the parser and the schema are both held against.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace mitibox::policy_fixtures {

/// The source tree, whatever the working directory: Meson hands the compiler a path relative to
/// the build directory, and the executable lies within it.
inline std::filesystem::path source_root() {
  namespace fs = std::filesystem;
  const fs::path here = fs::path(__FILE__);
  fs::path base = here.is_absolute() ? fs::path("/") : fs::canonical("/proc/self/exe");
  while (!here.is_absolute() && base.has_relative_path() && !fs::exists(base / here))
    base = base.parent_path();
  return fs::canonical(base / here).parent_path().parent_path().parent_path().parent_path();
}

inline nlohmann::json read(const std::string& path) {
  std::ifstream file(source_root() / path);
  if (!file) throw std::runtime_error("cannot read " + path);
  return nlohmann::json::parse(file);
}

inline nlohmann::json cases(const std::string& table) {
  return read("tests/unit/policy/fixtures/" + table + ".json");
}

}  // namespace mitibox::policy_fixtures
