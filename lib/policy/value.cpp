// SPDX-License-Identifier: BSD-3-Clause
#include "policy/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "policy/text.hpp"

namespace mitibox {

namespace {

using nlohmann::json;
using policy_text::printable;

constexpr std::size_t kMaxShown = 64;

/// A value as an operator would recognise it.
std::string shown(const json& v) {
  if (v.is_object()) return "an object";
  if (v.is_array()) return v.empty() ? "an empty list" : "a list";
  if (v.is_string())
    return fmt::format("\"{}\"", printable(v.get_ref<const std::string&>(), kMaxShown));
  return printable(v.dump(), kMaxShown);
}

/// parse_address reads up to a zero byte; text from a policy may have one (\u0000).
std::optional<Address> address_of(std::string_view text) {
  if (text.find('\0') != text.npos) return std::nullopt;
  return parse_address(text);
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || at != end || port == 0) return std::nullopt;
  return port;
}

}  // namespace

void throw_policy_error(const Place& place, std::string_view found, std::string_view expected) {
  throw PolicyError(fmt::format("{}: {}: found {}, expected {}", printable(place.file, kMaxName),
                                place.pointer.empty() ? "/" : place.pointer, found, expected));
}

std::string pointer_token(std::string_view key) {
  std::string escaped;
  for (const char c : key.substr(0, kMaxShown + 1)) {
    if (c == '~')
      escaped += "~0";
    else if (c == '/')
      escaped += "~1";
    else
      escaped += c;
  }
  return fmt::format("/{}", printable(escaped, kMaxShown));
}

void Value::refuse(std::string_view expected) const {
  refuse(shown(*json_), expected);
}

void Value::refuse(std::string_view found, std::string_view expected) const {
  throw_policy_error(place_, found, expected);
}

Place Value::place_of(std::string_view key) const {
  return {place_.file, place_.pointer + pointer_token(key)};
}

Value Value::member(std::string_view key) const {
  return {json_->at(key), place_of(key)};
}

std::vector<Value> Value::elements(std::string_view of, std::size_t limit) const {
  if (!json_->is_array()) refuse(fmt::format("a list of {}", of));
  if (json_->size() > limit)
    refuse(fmt::format("a list of {}", json_->size()), fmt::format("at most {} {}", limit, of));
  std::vector<Value> out;
  out.reserve(json_->size());
  for (std::size_t i = 0; i < json_->size(); ++i)
    out.push_back({(*json_)[i], {place_.file, fmt::format("{}/{}", place_.pointer, i)}});
  return out;
}

bool Value::boolean() const {
  if (!json_->is_boolean()) refuse("true or false");
  return json_->get<bool>();
}

double Value::share() const {
  if (!json_->is_number()) refuse("a number from 0 to 1");
  const double v = json_->get<double>();
  if (!(v >= 0 && v <= 1)) refuse("a number from 0 to 1");
  return std::abs(v);  // -0
}

std::uint32_t Value::integer(std::uint32_t least, std::uint32_t most) const {
  // As a double, since JSON does not tell 64.0 from 64; exact in this range.
  const double v = json_->is_number() ? json_->get<double>() : -1;
  if (!json_->is_number() || std::floor(v) != v || v < least || v > most)
    refuse(fmt::format("a whole number from {} to {}", least, most));
  return static_cast<std::uint32_t>(v);
}

const std::string& Value::text(std::string_view expected) const {
  if (!json_->is_string()) refuse(expected);
  return json_->get_ref<const std::string&>();
}

std::string Value::bytes(std::size_t most) const {
  const std::string expected =
      fmt::format("text of 1 to {} characters, each a byte: none beyond \\u00ff", most);
  const std::string& utf8 = text(expected);
  std::string out;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    auto c = static_cast<unsigned char>(utf8[i]);
    if (c >= 0x80U) {  // JSON is UTF-8: U+0080 to U+00FF are C2 and C3, and one byte more
      if (c > 0xc3U || i + 1 == utf8.size()) refuse(expected);
      c = static_cast<unsigned char>((c & 3U) << 6U |
                                     (static_cast<unsigned char>(utf8[++i]) & 0x3fU));
    }
    out += static_cast<char>(c);
  }
  if (out.empty() || out.size() > most) refuse(expected);
  return out;
}

Seconds Value::duration(Seconds least, Seconds most) const {
  if (json_->is_number()) refuse("a duration with its unit, such as \"90s\", \"10m\" or \"1h30m\"");
  const auto d =
      policy_text::parse_duration(text("a duration such as \"90s\", \"10m\", \"1h30m\""));
  if (!d) refuse("a duration in whole seconds, such as \"90s\", \"10m\", \"1h30m\" or \"2d\"");
  if (*d < least || *d > most)
    refuse(fmt::format("a duration from {} to {}", policy_text::to_string(least),
                       policy_text::to_string(most)));
  return *d;
}

std::string Value::path(std::size_t most) const {
  const std::string& t = text("an absolute path");
  if (t.empty() || t.front() != '/' || t.size() > most || t.find('\0') != std::string::npos)
    refuse(fmt::format("an absolute path of at most {} characters", most));
  return t;
}

Address Value::address() const {
  constexpr std::string_view kExpected = "an address such as \"192.0.2.1\" or \"2001:db8::1\"";
  const auto a = address_of(text(kExpected));
  if (!a) refuse(kExpected);
  return *a;
}

Prefix Value::prefix() const {
  constexpr std::string_view kExpected =
      "a prefix such as \"192.0.2.0/24\" or \"2001:db8::/32\", or an address";
  const std::string_view t = text(kExpected);
  const auto slash = t.find('/');
  const auto a = address_of(t.substr(0, slash));
  if (!a) refuse(kExpected);
  const unsigned full = a->is_v4() ? 32 : 128;
  unsigned bits = full;
  if (slash != t.npos) {
    const std::string_view digits = t.substr(slash + 1);
    const char* end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, bits);
    if (error != std::errc{} || at != end || bits > full || (digits.size() > 1 && digits[0] == '0'))
      refuse(fmt::format("a prefix length from 0 to {}", full));
  }
  const Prefix p{masked(*a, bits), bits};
  if (p.address != *a)
    refuse(fmt::format("\"{}\" (no bits set beyond the length), or \"{}\" for the one address",
                       to_string(p), to_string(*a)));
  return p;
}

AddressRange Value::address_range() const {
  constexpr std::string_view kExpected = "a range such as \"192.0.2.200-192.0.2.220\"";
  const std::string_view t = text(kExpected);
  const auto dash = t.find('-');
  if (dash == t.npos) refuse(kExpected);
  const auto first = address_of(t.substr(0, dash));
  const auto last = address_of(t.substr(dash + 1));
  if (!first || !last) refuse(kExpected);
  if (first->is_v4() != last->is_v4()) refuse("two addresses of one family");
  if (*last < *first)
    refuse(fmt::format("the lower address first: \"{}-{}\"", to_string(*last), to_string(*first)));
  return {*first, *last};
}

PortRange Value::ports() const {
  constexpr std::string_view kExpected = "a port from 1 to 65535, or a range such as \"8000-8080\"";
  if (json_->is_number()) {
    const double v = json_->get<double>();
    if (std::floor(v) != v || v < 1 || v > 65535) refuse(kExpected);
    return {static_cast<std::uint16_t>(v), static_cast<std::uint16_t>(v)};
  }
  const std::string_view t = text(kExpected);
  const auto dash = t.find('-');
  if (dash == t.npos) {
    if (port_of(t)) refuse(fmt::format("the number without quotes: {}", t));
    refuse(kExpected);
  }
  const auto first = port_of(t.substr(0, dash));
  const auto last = port_of(t.substr(dash + 1));
  if (!first || !last) refuse(kExpected);
  if (*last < *first) refuse(fmt::format("the lower port first: \"{}-{}\"", *last, *first));
  return {*first, *last};
}

std::vector<Prefix> Value::prefix_list() const {
  std::vector<Prefix> all;
  for (const Value& v : elements("prefixes", kMaxList)) all.push_back(v.prefix());
  return all;
}

std::vector<PortRange> Value::port_list() const {
  std::vector<PortRange> all;
  for (const Value& v : elements("ports", kMaxList)) all.push_back(v.ports());
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.first < b.first; });
  std::vector<PortRange> merged;
  for (const PortRange& r : all) {
    if (!merged.empty() && r.first <= merged.back().last + 1)
      merged.back().last = std::max(merged.back().last, r.last);
    else
      merged.push_back(r);
  }
  return merged;
}

void check_keys(const Value& object, std::span<const std::string_view> known) {
  if (!object.json().is_object()) object.refuse("an object");
  for (const auto& [key, value] : object.json().items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string_view near = policy_text::nearest(key, known);
    std::string expected;
    if (near.empty()) {
      for (const std::string_view k : known)
        expected += fmt::format("{}\"{}\"", expected.empty() ? "one of " : ", ", k);
    } else {
      expected = fmt::format("a known key; did you mean \"{}\"?", near);
    }
    throw_policy_error(object.place_of(key), "an unknown key", expected);
  }
}

}  // namespace mitibox
