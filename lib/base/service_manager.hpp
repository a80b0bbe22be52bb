// SPDX-License-Identifier: BSD-3-Clause
/// What a service is to tell systemd (sd_notify(3), whose protocol is a datagram of lines).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace mitibox {

/// Without a service manager it says nothing. Used by one thread at a time; waits at most some
/// 100 ms for a manager that does not read.
class ServiceManager {
 public:
  /// `socket`: NOTIFY_SOCKET, a path or with '@' in front an abstract name; nullptr or empty: none.
  explicit ServiceManager(const char* socket);
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  [[nodiscard]] bool present() const { return fd_ >= 0; }

  /// Lines as sd_notify(3) names them: "READY=1", "STATUS=...". Whether it was sent.
  bool tell(std::string_view lines) const;
  /// A line for `systemctl status`; said until the manager has taken it, then no more.
  void status(std::string_view text);

  /// From WATCHDOG_USEC and WATCHDOG_PID: how often a beat is expected of this process at least.
  static std::optional<std::chrono::microseconds> watchdog(const char* usec, const char* pid);

 private:
  int fd_ = -1;
  std::string said_;
};

}  // namespace mitibox
