// SPDX-License-Identifier: BSD-3-Clause
#include "telemetry_client.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace mitibox {

namespace {

/// Where EAL keeps its sockets: as root under /var/run, else under the user's runtime directory.
std::string socket_path(const std::string& prefix) {
  std::string base = "/var/run";
  if (getuid() != 0) {
    const char* user = std::getenv("XDG_RUNTIME_DIR");
    base = user == nullptr ? "/tmp" : user;
  }
  return base + "/dpdk/" + prefix + "/dpdk_telemetry.v2";
}

}  // namespace

TelemetryClient::TelemetryClient(const std::string& prefix) {
  const std::string path = socket_path(prefix);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error(fmt::format("the socket's path is too long: {}", path));
  std::memcpy(address.sun_path, path.c_str(), path.size());
  socket_ = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  if (socket_ < 0 || connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const std::string why = std::strerror(errno);
    if (socket_ >= 0) close(socket_);
    throw std::runtime_error(fmt::format(
        "no box answers at {} ({}); is mitibox running, and under this --file-prefix?", path, why));
  }
  longest_ = 1024;
  const auto hello = nlohmann::json::parse(receive());
  longest_ = hello.at("max_output_len").get<std::size_t>();
}

TelemetryClient::~TelemetryClient() {
  close(socket_);
}

std::string TelemetryClient::receive() {
  std::string buffer(longest_, '\0');
  const ssize_t n = read(socket_, buffer.data(), buffer.size());
  if (n <= 0) throw std::runtime_error("the box ended the connection");
  buffer.resize(static_cast<std::size_t>(n));
  return buffer;
}

nlohmann::json TelemetryClient::ask(const std::string& command, const std::string& parameter) {
  const std::string line = parameter.empty() ? command : command + "," + parameter;
  if (send(socket_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
    throw std::runtime_error(fmt::format("cannot ask the box: {}", std::strerror(errno)));
  return nlohmann::json::parse(receive()).at(command);
}

}  // namespace mitibox
