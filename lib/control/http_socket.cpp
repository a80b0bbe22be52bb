// SPDX-License-Identifier: BSD-3-Clause
#include "control/http_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace mitibox {

namespace {

constexpr int kBacklog = 16;

struct Name {
  sockaddr_storage storage{};
  socklen_t length = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Name name_of(const SocketAddress& at) {
  Name name;
  if (at.address.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(at.port);
    in.sin_addr.s_addr = at.address.v4().raw();
    std::memcpy(&name.storage, &in, name.length = sizeof in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(at.port);
    std::memcpy(&in.sin6_addr, at.address.bytes.data(), sizeof in.sin6_addr);
    std::memcpy(&name.storage, &in, name.length = sizeof in);
  }
  return name;
}

}  // namespace

File http_listener(const SocketAddress& at) {
  Name name = name_of(at);
  File socket(::socket(name.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  constexpr int kOn = 1;
  if (socket.fd() >= 0 &&
      ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &kOn, sizeof kOn) == 0 &&
      ::bind(socket.fd(), name.get(), name.length) == 0 && ::listen(socket.fd(), kBacklog) == 0)
    return socket;
  const int why = errno;
  socket = File();
  errno = why;
  return socket;
}

std::uint16_t bound_port(const File& socket) {
  Name name;
  name.length = sizeof name.storage;
  if (::getsockname(socket.fd(), name.get(), &name.length) != 0) return 0;
  sockaddr_in in{};  // the port lies at the same place in both families
  std::memcpy(&in, &name.storage, sizeof in);
  return ntohs(in.sin_port);
}

}  // namespace mitibox
