// SPDX-License-Identifier: BSD-3-Clause
/// Text in policies and in messages about them.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mitibox::policy_text {

/// "90s", "10m", "1h30m", "2d": whole numbers, each with a unit (d, h, m, s), the larger first,
/// each once. Nothing when it is not that, or more than 999999999 of a unit.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);
/// The shortest text that parse_duration reads as the same.
std::string to_string(std::chrono::seconds duration);

/// One printable line of ASCII, whatever the bytes; longer than `limit` is cut and marked.
std::string printable(std::string_view bytes, std::size_t limit = 60);

/// The candidate that `word` is probably a slip of; empty when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace mitibox::policy_text
