// SPDX-License-Identifier: BSD-3-Clause
#include "base/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "base/file.hpp"

namespace mitibox {

namespace {

/// Returns what is wrong; empty: nothing.
std::string write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::strerror(errno);
    if (n == 0) return "no room";
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return ::fsync(fd) == 0 ? "" : std::strerror(errno);
}

}  // namespace

void replace_file(const std::filesystem::path& file, std::span<const std::byte> bytes) {
  const std::string draft = file.string() + ".draft";
  const auto fail = [&](const std::string& why) {
    ::unlink(draft.c_str());
    throw std::runtime_error(fmt::format("{}: {}", file.string(), why));
  };
  ::unlink(draft.c_str());  // of a process that died while it wrote
  {
    const File f(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (f.fd() < 0) fail(std::strerror(errno));
    if (const std::string wrong = write_all(f.fd(), bytes); !wrong.empty()) fail(wrong);
  }
  if (::rename(draft.c_str(), file.c_str()) != 0) fail(std::strerror(errno));
  // The name, too, must be on the disk.
  const File folder(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY);
  if (folder.fd() >= 0) ::fsync(folder.fd());
}

}  // namespace mitibox
