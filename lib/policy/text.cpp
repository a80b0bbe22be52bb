// SPDX-License-Identifier: BSD-3-Clause
#include "policy/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

namespace mitibox::policy_text {

namespace {

struct Unit {
  char name;
  std::int64_t seconds;
};
constexpr std::array kUnits{Unit{'d', 86400}, Unit{'h', 3600}, Unit{'m', 60}, Unit{'s', 1}};
constexpr std::size_t kMaxDigits = 9;
constexpr std::size_t kLongestWord = 40;  // no key is longer; bounds the work

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  std::size_t unit = 0;
  while (!text.empty()) {
    std::int64_t count = 0;
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > kMaxDigits || digits == text.size()) return std::nullopt;
    std::from_chars(text.data(), text.data() + digits, count);
    while (unit < kUnits.size() && kUnits[unit].name != text[digits]) ++unit;
    if (unit == kUnits.size()) return std::nullopt;
    total += count * kUnits[unit++].seconds;
    text.remove_prefix(digits + 1);
  }
  return std::chrono::seconds(total);
}

std::string to_string(std::chrono::seconds duration) {
  std::string out;
  std::int64_t left = duration.count();
  for (const Unit& u : kUnits) {
    if (left >= u.seconds) out += fmt::format("{}{}", left / u.seconds, u.name);
    left %= u.seconds;
  }
  return out.empty() ? "0s" : out;
}

std::string printable(std::string_view bytes, std::size_t limit) {
  std::string out;
  for (const char c : bytes.substr(0, limit)) {
    if (c >= ' ' && c <= '~')
      out += c;
    else
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  if (bytes.size() > limit) out += "...";
  return out;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > kLongestWord) return {};
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string_view c : candidates) {
    const std::size_t d = distance(word, c);
    if (d < least && d < c.size()) {
      least = d;
      best = c;
    }
  }
  return best;
}

}  // namespace mitibox::policy_text
