// SPDX-License-Identifier: BSD-3-Clause
#include "base/service_manager.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstring>

namespace mitibox {

namespace {

std::optional<std::uint64_t> number(const char* text) {
  if (text == nullptr || *text == '\0') return std::nullopt;
  std::uint64_t n = 0;
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, n);
  return error == std::errc{} && at == end ? std::optional(n) : std::nullopt;
}

}  // namespace

ServiceManager::ServiceManager(const char* socket) {
  const std::string_view name = socket == nullptr ? "" : socket;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() < 2 || name.size() >= sizeof address.sun_path) return;
  if (name.front() != '/' && name.front() != '@') return;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name.front() == '@') address.sun_path[0] = '\0';
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return;
  const timeval patience{0, 100'000};
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0) return;
  ::close(fd_);
  fd_ = -1;
}

ServiceManager::~ServiceManager() {
  if (fd_ >= 0) ::close(fd_);
}

bool ServiceManager::tell(std::string_view lines) const {
  return fd_ >= 0 && ::send(fd_, lines.data(), lines.size(), MSG_NOSIGNAL) ==
                         static_cast<ssize_t>(lines.size());
}

void ServiceManager::status(std::string_view text) {
  if (text != said_ && tell(fmt::format("STATUS={}", text))) said_ = text;
}

std::optional<std::chrono::microseconds> ServiceManager::watchdog(const char* usec,
                                                                  const char* pid) {
  const auto span = number(usec);
  if (!span || *span == 0 || *span > std::uint64_t{UINT32_MAX} * 1000) return std::nullopt;
  if (pid != nullptr && number(pid) != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
  return std::chrono::microseconds(*span);
}

}  // namespace mitibox
