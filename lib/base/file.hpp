// SPDX-License-Identifier: BSD-3-Clause
/// A file that closes itself.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace mitibox {

class File {
 public:
  /// `flags`, `mode`: of open(2); what is opened is not inherited. fd() is negative, and errno says
  /// why, when it cannot be opened.
  explicit File(const char* path, int flags = O_RDONLY, mode_t mode = 0600)
      : fd_(::open(path, flags | O_CLOEXEC, mode)) {}
  /// Takes over what is open already; negative: nothing.
  explicit File(int fd = -1) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace mitibox
