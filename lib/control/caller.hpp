// SPDX-License-Identifier: BSD-3-Clause
/// Who has connected to the control socket: lines in, lines out, neither for ever.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

#include "control/command.hpp"

namespace mitibox {

/// Owned by one thread; another may shut the socket down, which ends every wait.
class Caller {
 public:
  struct Limits {
    std::size_t line = std::size_t{64} << 10U;  ///< bytes of a request, its end included
    std::chrono::milliseconds idle = std::chrono::minutes(1);      ///< between two requests
    std::chrono::milliseconds request = std::chrono::seconds(10);  ///< from its first byte on
    std::chrono::milliseconds reply = std::chrono::seconds(10);    ///< for each line to be taken
  };

  /// The peer has closed the connection, or does not read.
  class Gone : public std::runtime_error {
   public:
    using std::runtime_error::runtime_error;
  };

  /// `socket`: a stream socket that does not block, and stays the owner's.
  Caller(int socket, const Limits& limits) : socket_(socket), limits_(limits) {}
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  /// Whether the process at the other end runs as this one's user, or as root.
  [[nodiscard]] bool same_user() const;

  /// The next line, without its end; nothing when there will be none. Throws ControlError when it
  /// is too long or too slow: the connection is of no use then.
  std::optional<std::string> next();

  /// Throws Gone.
  void send(const Json& line);

 private:
  using Clock = std::chrono::steady_clock;
  /// Whether it is ready for `events` (of poll(2)) before `end`.
  [[nodiscard]] bool ready(short events, Clock::time_point end) const;

  int socket_;
  Limits limits_;
  std::string buffer_;        ///< received, not yet returned
  std::size_t searched_ = 0;  ///< of it, without an end of line
};

}  // namespace mitibox
