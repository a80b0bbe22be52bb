// SPDX-License-Identifier: BSD-3-Clause
/// The UNIX socket that the control plane listens on.
#pragma once

#include <sys/types.h>

#include <string>

namespace mitibox {

/// Owned by one thread.
class Listener {
 public:
  /// Listens at `path`, mode 0600; its folder is made (0700) when only that is missing. Replaces
  /// the socket of a process that has died. Throws std::runtime_error for the operator when
  /// something else is there, someone listens already, or it cannot be made.
  explicit Listener(const std::string& path);
  /// Removes the socket if it is still this one.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace mitibox
