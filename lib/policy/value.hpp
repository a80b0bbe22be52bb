// SPDX-License-Identifier: BSD-3-Clause
/// A place in the policy's JSON, read with its type and range checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/policy.hpp"

namespace mitibox {

inline constexpr std::size_t kMaxName = 300;    ///< of a file, in messages
inline constexpr std::size_t kMaxList = 65536;  ///< elements

/// A file and a JSON pointer (RFC 6901) in it.
struct Place {
  std::string_view file;
  std::string pointer;
};

/// "FILE: POINTER: found FOUND, expected EXPECTED", in one line.
[[noreturn]] void throw_policy_error(const Place& place, std::string_view found,
                                     std::string_view expected);

/// "/key", escaped by RFC 6901 section 3 and made printable.
std::string pointer_token(std::string_view key);

class Value {
 public:
  Value(const nlohmann::json& json, Place place) : json_(&json), place_(std::move(place)) {}

  [[nodiscard]] const nlohmann::json& json() const { return *json_; }
  [[nodiscard]] const std::string& pointer() const { return place_.pointer; }

  /// What stands here was found, and something else expected.
  [[noreturn]] void refuse(std::string_view expected) const;
  [[noreturn]] void refuse(std::string_view found, std::string_view expected) const;

  /// A member of an object; `key` must be there.
  [[nodiscard]] Value member(std::string_view key) const;
  /// The place of a member that may be missing; for messages.
  [[nodiscard]] Place place_of(std::string_view key) const;
  /// The elements of an array, at most `limit`.
  [[nodiscard]] std::vector<Value> elements(std::string_view of, std::size_t limit) const;

  [[nodiscard]] bool boolean() const;
  [[nodiscard]] double share() const;  ///< 0..1
  [[nodiscard]] std::uint32_t integer(std::uint32_t least, std::uint32_t most) const;
  [[nodiscard]] const std::string& text(std::string_view expected) const;
  /// Text of 1 to `most` characters U+0000 to U+00FF, each a byte.
  [[nodiscard]] std::string bytes(std::size_t most) const;
  [[nodiscard]] Seconds duration(Seconds least = Seconds(1),
                                 Seconds most = std::chrono::hours(7 * 24)) const;
  [[nodiscard]] std::string path(std::size_t most = 4095) const;  ///< absolute
  [[nodiscard]] Address address() const;
  [[nodiscard]] Prefix prefix() const;
  [[nodiscard]] std::vector<Prefix> prefix_list() const;
  [[nodiscard]] AddressRange address_range() const;
  [[nodiscard]] SocketAddress socket_address() const;
  /// A host's name (RFC 1123), made lower case.
  [[nodiscard]] std::string host_name() const;
  [[nodiscard]] PortRange ports() const;
  [[nodiscard]] std::vector<PortRange> port_list() const;  ///< sorted, disjoint

  template <class Enum>
  struct Word {
    std::string_view name;
    Enum value;
  };
  template <class Enum, std::size_t n>
  [[nodiscard]] Enum choice(const Word<Enum> (&words)[n]) const {
    std::string expected;
    for (const Word<Enum>& w : words) {
      if (json_->is_string() && json_->get_ref<const std::string&>() == w.name) return w.value;
      expected.append(expected.empty() ? "\"" : " or \"").append(w.name).append("\"");
    }
    refuse(expected);
  }

 private:
  const nlohmann::json* json_;
  Place place_;
};

/// A key of an object and how it is read into T. `list` names the keys below it, if any.
template <class T>
struct Key {
  std::string_view name;
  void (*read)(const Value& value, T& into);
  void (*list)(const std::string& prefix, std::vector<std::string>& keys) = nullptr;
};

/// Refuses what is not an object, and the first key that is not among `known`.
void check_keys(const Value& object, std::span<const std::string_view> known);

template <class T, std::size_t n>
void read_object(const Value& object, T& into, const Key<T> (&keys)[n]) {
  std::vector<std::string_view> known;
  for (const Key<T>& k : keys) known.push_back(k.name);
  check_keys(object, known);
  for (const Key<T>& k : keys)
    if (object.json().contains(k.name)) k.read(object.member(k.name), into);
}

template <class T, std::size_t n>
void list_keys(const Key<T> (&keys)[n], const std::string& prefix, std::vector<std::string>& out) {
  for (const Key<T>& k : keys) {
    const std::string pointer = std::string(prefix).append("/").append(k.name);
    out.push_back(pointer);
    if (k.list != nullptr) k.list(pointer, out);
  }
}

}  // namespace mitibox
