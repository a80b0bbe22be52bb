// SPDX-License-Identifier: BSD-3-Clause
/// A directory for mappings that goes with the test.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tracker/mapping.hpp"

namespace mitibox::test {

class Directory {
 public:
  Directory() {
    char name[] = "/tmp/mitibox-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// `zero`: how long after the machine's start the box's clock began.
  [[nodiscard]] Mapping::Place place(std::chrono::milliseconds zero = {}) const {
    return {path_, "unit", "this boot", zero};
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      out.push_back(entry.path());
    return out;
  }
  [[nodiscard]] std::string file(const std::string& table) const {
    return path_ + "/unit.connections-v4." + table;
  }

 private:
  std::string path_;
};

}  // namespace mitibox::test
