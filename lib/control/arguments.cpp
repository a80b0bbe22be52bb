// SPDX-License-Identifier: BSD-3-Clause
#include "control/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "packet/wire.hpp"
#include "policy/text.hpp"

namespace mitibox {

namespace {

using policy_text::printable;

[[noreturn]] void refuse(std::string_view name, std::string_view found, std::string_view expected) {
  throw ControlError(fmt::format("{}: found '{}', expected {}", name, printable(found), expected));
}

}  // namespace

Arguments::Arguments(const Json& given, std::initializer_list<std::string_view> known)
    : given_(given) {
  for (const auto& [key, value] : given.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw ControlError(fmt::format("argument '{}' is unknown here", printable(key)));
}

bool Arguments::has(std::string_view name) const {
  return given_.contains(name);
}

std::optional<std::string> Arguments::optional_text(std::string_view name) const {
  const auto at = given_.find(name);
  if (at == given_.end()) return std::nullopt;
  if (!at->is_string()) refuse(name, at->dump(), "text");
  return at->get<std::string>();
}

std::string Arguments::text(std::string_view name) const {
  auto found = optional_text(name);
  if (!found) throw ControlError(fmt::format("{} is missing", name));
  return *std::move(found);
}

Address Arguments::address(std::string_view name) const {
  const std::string found = text(name);
  const auto address = parse_address(found);
  if (!address) refuse(name, found, "an IPv4 or IPv6 address");
  return *address;
}

std::optional<Address> Arguments::optional_address(std::string_view name) const {
  if (!has(name)) return std::nullopt;
  return address(name);
}

Destination Arguments::service(std::string_view name) const {
  const std::string found = text(name);
  const std::string number = found.substr(0, found.find('/'));
  const std::string kind = number == found ? "/tcp" : found.substr(number.size());
  Destination to;
  to.protocol = kind == "/udp" ? protocol::kUdp : protocol::kTcp;
  const char* const end = number.data() + number.size();
  const auto [last, error] = std::from_chars(number.data(), end, to.port);
  if (error != std::errc() || last != end || to.port == 0 || (kind != "/udp" && kind != "/tcp"))
    refuse(name, found, "1 to 65535, PORT/tcp or PORT/udp");
  return to;
}

std::optional<std::chrono::seconds> Arguments::optional_duration(std::string_view name) const {
  const auto found = optional_text(name);
  if (!found) return std::nullopt;
  const auto duration = policy_text::parse_duration(*found);
  if (!duration || duration->count() == 0)
    refuse(name, *found, "a duration like 90s, 10m or 1h30m");
  return duration;
}

std::optional<std::uint64_t> Arguments::optional_number(std::string_view name, Range range) const {
  const auto at = given_.find(name);
  if (at == given_.end()) return std::nullopt;
  const std::string found = at->is_string() ? at->get<std::string>() : at->dump();
  std::uint64_t number = 0;
  const char* const end = found.data() + found.size();
  const auto [last, error] = std::from_chars(found.data(), end, number);
  if (error != std::errc() || last != end || number < range.least || number > range.most)
    refuse(name, found, fmt::format("a number from {} to {}", range.least, range.most));
  return number;
}

}  // namespace mitibox
