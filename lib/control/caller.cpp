// SPDX-License-Identifier: BSD-3-Clause
#include "control/caller.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace mitibox {

bool Caller::same_user() const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket_, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == geteuid() || peer.uid == 0;
}

bool Caller::ready(short events, Clock::time_point end) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return false;
    pollfd p{socket_, events, 0};
    const int n = poll(&p, 1, static_cast<int>(std::min<long>(left.count(), 60'000)));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
  }
}

std::optional<std::string> Caller::next() {
  auto end = Clock::now() + (buffer_.empty() ? limits_.idle : limits_.request);
  for (;;) {
    if (const auto at = buffer_.find('\n', searched_); at != std::string::npos) {
      std::string line = buffer_.substr(0, at);
      buffer_.erase(0, at + 1);
      searched_ = 0;
      return line;
    }
    searched_ = buffer_.size();
    if (buffer_.size() >= limits_.line)
      throw ControlError(fmt::format("a request has at most {} bytes", limits_.line));
    if (!ready(POLLIN, end)) {
      if (buffer_.empty()) return std::nullopt;
      throw ControlError("the request does not end");
    }
    std::array<char, 4096> piece;
    const ssize_t n =
        recv(socket_, piece.data(), std::min(piece.size(), limits_.line - buffer_.size()), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return std::nullopt;
    if (buffer_.empty()) end = Clock::now() + limits_.request;
    buffer_.append(piece.data(), static_cast<std::size_t>(n));
  }
}

void Caller::send(const Json& line) {
  // What came from outside may be no UTF-8; a reply must be.
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  const auto end = Clock::now() + limits_.reply;
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t n = ::send(socket_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw Gone("the connection has ended");
    if (!ready(POLLOUT, end)) throw Gone("the peer does not read");
  }
}

}  // namespace mitibox
