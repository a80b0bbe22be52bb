// SPDX-License-Identifier: BSD-3-Clause
/// What the box tells its operator.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace mitibox {

namespace detail {
inline void write_out(int to, std::string_view text) noexcept {
  [[maybe_unused]] const ssize_t n = ::write(to, text.data(), text.size());
}
}  // namespace detail

/// A line on standard error. Any control thread; lost when nobody takes it: a log that is full or
/// gone must not end a box, as an exception of fmt::print does.
inline void say(std::string_view line) noexcept {
  try {
    detail::write_out(STDERR_FILENO, fmt::format("mitibox: {}\n", line));
  } catch (...) {
    detail::write_out(STDERR_FILENO, "mitibox: out of memory\n");
  }
}

/// Text on standard output, under the same terms.
inline void print_out(std::string_view text) noexcept {
  detail::write_out(STDOUT_FILENO, text);
}

}  // namespace mitibox
