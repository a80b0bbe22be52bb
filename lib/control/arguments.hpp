// SPDX-License-Identifier: BSD-3-Clause
/// What came with a command, checked. Everything throws ControlError that names the argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "control/command.hpp"

namespace mitibox {

class Arguments {
 public:
  /// `known`: all that the command takes; any other is refused.
  Arguments(const Json& given, std::initializer_list<std::string_view> known);

  [[nodiscard]] bool has(std::string_view name) const;
  /// Must be there, as the others below unless they return an optional.
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] Address address(std::string_view name) const;
  [[nodiscard]] std::optional<Address> optional_address(std::string_view name) const;
  /// "443" (TCP) or "53/udp", of any address.
  [[nodiscard]] Destination service(std::string_view name) const;
  /// "10m"; more than nothing.
  [[nodiscard]] std::optional<std::chrono::seconds> optional_duration(std::string_view name) const;
  /// A JSON number or its digits, between both limits, these included.
  struct Range {
    std::uint64_t least, most;
  };
  [[nodiscard]] std::optional<std::uint64_t> optional_number(std::string_view name,
                                                             Range range) const;

 private:
  [[nodiscard]] std::optional<std::string> optional_text(std::string_view name) const;

  const Json& given_;
};

}  // namespace mitibox
