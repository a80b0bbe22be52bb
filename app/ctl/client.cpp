// SPDX-License-Identifier: BSD-3-Clause
#include "client.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace mitibox::ctl {

namespace {

constexpr time_t kPatience = 60;  ///< seconds that the box may be silent

}  // namespace

Client::Client(const std::string& path) : socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error(fmt::format("the socket's path is too long: {}", path));
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const timeval patience{kPatience, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return;
  const int error = errno;
  close(socket_);
  const char* hint = error == EACCES
                         ? "only the user of the box and root may ask"
                         : "is mitibox running, and under this --file-prefix or --control?";
  throw std::runtime_error(
      fmt::format("no box answers at {} ({}); {}", path, std::strerror(error), hint));
}

Client::~Client() {
  close(socket_);
}

void Client::send(const std::string& line) {
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t n = ::send(socket_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;  // what the box says to that can be read
    sent += static_cast<std::size_t>(n);
  }
}

std::string Client::receive() {
  for (std::size_t searched = 0;;) {
    if (const auto at = buffer_.find('\n', searched); at != std::string::npos) {
      std::string line = buffer_.substr(0, at);
      buffer_.erase(0, at + 1);
      return line;
    }
    searched = buffer_.size();
    std::array<char, 65536> piece;
    const ssize_t n = recv(socket_, piece.data(), piece.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      throw std::runtime_error(fmt::format("the box does not answer: {}", std::strerror(errno)));
    if (n == 0) throw std::runtime_error("the box has ended the connection");
    buffer_.append(piece.data(), static_cast<std::size_t>(n));
  }
}

Json Client::ask(const std::string& command, const Json& arguments,
                 const std::function<void(const Json& row)>& row) {
  send(Json{{"command", command}, {"arguments", arguments}}.dump() + '\n');
  for (;;) {
    const Json line = Json::parse(receive(), nullptr, false);
    if (line.is_discarded() || !line.is_object())
      throw std::runtime_error("what answers is no control socket of mitibox");
    if (const auto at = line.find("row"); at != line.end()) {
      row(*at);
      continue;
    }
    if (const auto at = line.find("done"); at != line.end()) return *at;
    throw std::runtime_error(line.value("error", std::string("the box gives no answer")));
  }
}

}  // namespace mitibox::ctl
