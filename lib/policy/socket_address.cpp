// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "policy/policy.hpp"
#include "policy/value.hpp"

namespace mitibox {

SocketAddress Value::socket_address() const {
  constexpr std::string_view kExpected =
      "an address and a port such as \"127.0.0.1:9464\" or \"[::1]:9464\"";
  const std::string_view t = text(kExpected);
  const auto colon = t.rfind(':');
  if (colon == t.npos) refuse(kExpected);
  std::string_view host = t.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto a = host.find('\0') == host.npos ? parse_address(host) : std::nullopt;
  const std::string_view digits = t.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool number = error == std::errc{} && at == digits.data() + digits.size() && port != 0;
  if (!a || !number || a->is_v4() == bracketed) refuse(kExpected);
  return {*a, port};
}

std::string Value::host_name() const {
  constexpr std::string_view kExpected =
      "a host's name such as \"box.example.org\", without a port";
  constexpr std::size_t kLongestName = 253;
  std::string name = text(kExpected);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  if (name.empty() || name.size() > kLongestName || !std::all_of(name.begin(), name.end(), fits) ||
      parse_address(name))
    refuse(kExpected);
  return name;
}

std::string to_string(const SocketAddress& at) {
  const std::string address = to_string(at.address);
  return at.address.is_v4() ? fmt::format("{}:{}", address, at.port)
                            : fmt::format("[{}]:{}", address, at.port);
}

bool is_loopback(const Address& address) {
  static const PrefixSet loopback({*parse_prefix("127.0.0.0/8"), *parse_prefix("::1")});
  return loopback.contains(address);
}

}  // namespace mitibox
