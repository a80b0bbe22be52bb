// SPDX-License-Identifier: BSD-3-Clause
/// A file that closes itself.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace mitibox {

class File {
 public:
  /// `flags`, `mode`: of open(2); what is opened is not inherited. fd() is negative, and errno says
  /// why, when it cannot be opened.
  explicit File(const char* path, int flags = O_RDONLY, mode_t mode = 0600)
      : fd_(::open(path, flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace mitibox
