// SPDX-License-Identifier: BSD-3-Clause
/// A client of a control socket in a folder of its own.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

namespace mitibox::test {

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "mitibox-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

class Peer {
 public:
  explicit Peer(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    connected = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Peer() { leave(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void leave() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  /// As much of it as the other end takes.
  void say(const std::string& text) const {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t n = send(fd_, text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<std::size_t>(n);
    }
  }
  /// The next line; "closed" when there is none any more, "silence" after 20 s.
  std::string hear() {
    for (;;) {
      if (const auto at = heard_.find('\n'); at != std::string::npos) {
        std::string line = heard_.substr(0, at);
        heard_.erase(0, at + 1);
        return line;
      }
      pollfd p{fd_, POLLIN, 0};
      if (poll(&p, 1, 20'000) <= 0) return "silence";
      char piece[4096];
      const ssize_t n = recv(fd_, piece, sizeof piece, 0);
      if (n <= 0) return "closed";
      heard_.append(piece, static_cast<std::size_t>(n));
    }
  }
  std::string ask(const std::string& text) {
    say(text + '\n');
    return hear();
  }

  bool connected = false;

 private:
  int fd_;
  std::string heard_;
};

}  // namespace mitibox::test
