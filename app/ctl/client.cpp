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

/// Of errno after a call that waited as long as it may.
std::string why(int error, Client::Patience patience) {
  if (error != EAGAIN) return std::strerror(error);
  return fmt::format("nothing for {} s", std::chrono::duration<double>(patience).count());
}

const char* hint(int error) {
  if (error == EACCES) return "only the user of the box and root may ask";
  if (error == EAGAIN) return "it is busy with others, or stands still; try again later";
  return "is mitibox running, and under this --file-prefix or --control?";
}

}  // namespace

Client::Client(const std::string& path, Patience patience)
    : socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), patience_(patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error(fmt::format("the socket's path is too long: {}", path));
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const timeval most{patience.count() / 1000, patience.count() % 1000 * 1000};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return;
  const int error = errno;
  close(socket_);
  throw std::runtime_error(
      fmt::format("no box answers at {} ({}); {}", path, why(error, patience), hint(error)));
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
      throw std::runtime_error(fmt::format("the box does not answer: {}", why(errno, patience_)));
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
