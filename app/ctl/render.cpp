// SPDX-License-Identifier: BSD-3-Clause
#include "render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace mitibox::ctl {

namespace {

constexpr std::string_view kIndent = "  ";

/// What came from elsewhere must not speak to the terminal.
std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

/// The two largest units.
std::string duration(std::int64_t seconds) {
  if (seconds < 0) return "-" + duration(-seconds);
  constexpr std::pair<std::int64_t, char> kUnits[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}};
  std::string out;
  int units = 0;
  for (const auto& [length, unit] : kUnits) {
    if (seconds < length || units == 2) continue;
    out += fmt::format("{}{}", seconds / length, unit);
    seconds %= length;
    ++units;
  }
  return units == 0 || (units < 2 && seconds != 0) ? out + fmt::format("{}s", seconds) : out;
}

std::string text_of(const Json& value) {
  if (value.is_string()) return printable(value.get<std::string>());
  if (value.is_null()) return "-";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.dump();
}

bool is_duration(std::string_view name, const Json& value) {
  return name.ends_with("_s") && value.is_number();
}

std::string text_of(const std::string& name, const Json& value) {
  return is_duration(name, value) ? duration(std::llround(value.get<double>())) : text_of(value);
}

/// "idle_s" is "idle" to people.
std::string title(std::string name) {
  if (name.ends_with("_s")) name.resize(name.size() - 2);
  std::replace(name.begin(), name.end(), '_', ' ');
  return printable(std::move(name));
}

bool all_numbers(const Json& object) {
  return std::all_of(object.begin(), object.end(), [](const Json& v) { return v.is_number(); });
}

std::string counters(const Json& object) {
  std::string out;
  for (const auto& [name, value] : object.items())
    if (value != 0) out += fmt::format("{}{:<34}{:>16}\n", kIndent, name, value.dump());
  return out;
}

bool too_wide(const std::string& text) {
  constexpr std::size_t kWidest = 120;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end - at > kWidest) return true;
    at = end + 1;
  }
  return false;
}

/// A table; what would be too wide for a terminal a block of lines each.
std::string records(const Json& rows) {
  Table table{std::string(kIndent)};
  std::string out;
  for (const Json& row : rows) out += table.add(row);
  out += table.finish();
  if (!too_wide(out)) return out;
  out.clear();
  for (const Json& row : rows) {
    const char* mark = "- ";
    for (const auto& [name, value] : row.items()) {
      out += fmt::format("{}{}: {}\n", mark, title(name), text_of(name, value));
      mark = "  ";
    }
  }
  return out;
}

std::string list(const std::string& name, const Json& array) {
  const bool rows = std::all_of(array.begin(), array.end(), [](auto& v) { return v.is_object(); });
  const bool words =
      std::none_of(array.begin(), array.end(), [](auto& v) { return v.is_string(); });
  std::string out = title(name) + ":";
  if (array.empty()) return out + " none\n";
  if (rows) return out + '\n' + records(array);
  if (!words) out += '\n';
  for (const Json& v : array)
    out += words ? ' ' + text_of(v) : fmt::format("{}{}\n", kIndent, text_of(v));
  return words ? out + '\n' : out;
}

}  // namespace

std::string Table::add(const Json& row) {
  if (!columns_.empty()) return line(row);
  held_.push_back(row);
  return held_.size() < kHeld ? std::string() : flush();
}

std::string Table::finish() {
  return held_.empty() ? std::string() : flush();
}

std::string Table::flush() {
  for (const Json& row : held_)
    for (const auto& [name, value] : row.items()) {
      auto at = std::find_if(columns_.begin(), columns_.end(),
                             [&known = name](const Column& c) { return c.name == known; });
      if (at == columns_.end())
        at = columns_.insert(columns_.end(), {name, title(name).size(), true});
      at->width = std::max(at->width, text_of(name, value).size());
      at->right = at->right && value.is_number();
    }
  Json names;
  for (const Column& c : columns_) names[c.name] = title(c.name);
  std::string out = line(names);
  for (const Json& row : held_) out += line(row);
  held_.clear();
  return out;
}

std::string Table::line(const Json& row) const {
  std::string out = indent_;
  for (const Column& c : columns_) {
    const auto at = row.find(c.name);
    const std::string text = at == row.end() ? "" : text_of(c.name, *at);
    out +=
        c.right ? fmt::format("{:>{}}  ", text, c.width) : fmt::format("{:<{}}  ", text, c.width);
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + '\n';
}

std::string render(const Json& answer) {
  if (!answer.is_object()) return text_of(answer) + '\n';
  std::string out;
  for (const auto& [name, value] : answer.items()) {
    if (value.is_array())
      out += list(name, value);
    else if (value.is_object())
      out += title(name) + (all_numbers(value) ? "\n" + counters(value) : "\n" + render(value));
    else
      out += fmt::format("{}: {}\n", title(name), text_of(name, value));
  }
  return out;
}

}  // namespace mitibox::ctl
