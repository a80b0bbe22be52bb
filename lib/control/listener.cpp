// SPDX-License-Identifier: BSD-3-Clause
#include "control/listener.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace mitibox {

namespace {

constexpr int kWaiting = 16;

[[noreturn]] void refuse(const std::string& what) {
  throw std::runtime_error("--control: " + what);
}

[[noreturn]] void refuse(const char* step, const std::string& path) {
  const int error = errno;
  refuse(fmt::format("cannot {} {}: {}; choose another place, or 'none'", step, path,
                     std::strerror(error)));
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    refuse(fmt::format("the path of a socket has 1 to {} bytes: '{}'", sizeof address.sun_path - 1,
                       path));
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

int open_socket() {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) refuse("open", "a socket");
  return fd;
}

void make_folder(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  if (folder.empty() || mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return;
  refuse("make the folder", folder);
}

/// Takes away what a dead process left.
void clear(const std::string& path, const sockaddr_un& address) {
  struct stat s {};
  if (lstat(path.c_str(), &s) != 0) {
    if (errno == ENOENT) return;
    refuse("look at", path);
  }
  if (!S_ISSOCK(s.st_mode))
    refuse(fmt::format("{} exists and is no socket; remove it, or choose another place", path));
  const int probe = open_socket();
  const int result =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  close(probe);
  if (result == 0 || result == EAGAIN)
    refuse(fmt::format("another process listens at {}; stop it, or choose another place", path));
  if (result != ECONNREFUSED) {
    errno = result;
    refuse("replace", path);
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) refuse("remove the old socket", path);
}

}  // namespace

Listener::Listener(const std::string& path) : path_(path), fd_(-1) {
  const sockaddr_un address = address_of(path);
  make_folder(path);
  clear(path, address);
  fd_ = open_socket();
  const auto give_up = [&](const char* step) {
    const int error = errno;
    close(fd_);
    errno = error;
    refuse(step, path);
  };
  // bind() takes the mode over, whatever the umask lets through: nobody else ever gets in.
  if (fchmod(fd_, 0600) != 0) give_up("set the mode of");
  if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    give_up("bind to");
  struct stat s {};
  if (lstat(path.c_str(), &s) == 0) {
    device_ = s.st_dev;
    inode_ = s.st_ino;
  }
  if (listen(fd_, kWaiting) != 0) give_up("listen at");
}

Listener::~Listener() {
  close(fd_);
  struct stat s {};
  if (lstat(path_.c_str(), &s) == 0 && s.st_dev == device_ && s.st_ino == inode_)
    unlink(path_.c_str());
}

}  // namespace mitibox
