// SPDX-License-Identifier: BSD-3-Clause
/// Answers of the box as text for people, whatever they are about. A number whose name ends in _s
/// is seconds.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace mitibox::ctl {

using Json = nlohmann::ordered_json;

/// Rows in aligned columns, under a line of their names. Holds back the first rows to see how wide
/// columns are; what comes later and is wider stands out.
class Table {
 public:
  explicit Table(std::string indent = "") : indent_(std::move(indent)) {}
  /// Returns the text that is due.
  std::string add(const Json& row);
  std::string finish();

 private:
  static constexpr std::size_t kHeld = 256;
  struct Column {
    std::string name;
    std::size_t width;
    bool right;  ///< numbers
  };
  std::string flush();
  [[nodiscard]] std::string line(const Json& row) const;

  std::string indent_;
  std::vector<Json> held_;
  std::vector<Column> columns_;
};

/// "key: value" lines; lists and objects within get a section, a list of objects a table. Of an
/// object of numbers those that are 0 are left out.
std::string render(const Json& answer);

}  // namespace mitibox::ctl
