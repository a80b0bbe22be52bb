// SPDX-License-Identifier: BSD-3-Clause
#include "control/http_server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/http_head.hpp"
#include "control/http_socket.hpp"

namespace mitibox {

namespace {

/// For a peer that has got its last answer to close: what it still sends would make the kernel
/// throw the answer away.
constexpr std::chrono::seconds kLinger{1};

}  // namespace

HttpServer::HttpServer(Config config, Handler handler, Tell tell)
    : config_(std::move(config)),
      handler_(std::move(handler)),
      tell_(std::move(tell)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      clients_(kClients) {
  listen();
  thread_ = std::thread([this] { run(); });
}

HttpServer::~HttpServer() {
  eventfd_write(stop_.fd(), 1);
  thread_.join();
}

void HttpServer::listen() {
  listener_ = http_listener(config_.listen);
  if (listener_.fd() >= 0) {
    port_ = bound_port(listener_);
    if (told_) tell_(fmt::format("http: listens on {} now", to_string(config_.listen)));
    told_ = false;
    return;
  }
  if (!told_)
    tell_(fmt::format("http: {}: {}; neither metrics nor a page until it can be had",
                      to_string(config_.listen), std::strerror(errno)));
  told_ = true;
  retry_ = Clock::now() + config_.retry;
}

void HttpServer::run() {
  std::array<pollfd, kClients + 2> polled{};
  for (;;) {
    polled[0] = {stop_.fd(), POLLIN, 0};
    polled[1] = {place() != nullptr ? listener_.fd() : -1, POLLIN, 0};
    for (std::size_t i = 0; i < kClients; ++i) {
      const bool answers = clients_[i].at == Client::At::answer;
      polled[i + 2] = {clients_[i].socket.fd(), static_cast<short>(answers ? POLLOUT : POLLIN), 0};
    }
    if (::poll(polled.data(), polled.size(), timeout(Clock::now())) < 0) continue;
    if (polled[0].revents != 0) return;
    for (std::size_t i = 0; i < kClients; ++i) {
      Client& c = clients_[i];
      if (polled[i + 2].revents == 0) continue;
      if (c.at != Client::At::answer) receive(c);
      proceed(c);
    }
    const auto now = Clock::now();
    for (Client& c : clients_)
      if (c.socket.fd() >= 0 && now >= c.until) c.socket = File();
    // Who was at rest before may have begun a request.
    if (Client* const free = place(); free != nullptr && polled[1].revents != 0) take_in(*free);
    if (listener_.fd() < 0 && now >= retry_) listen();
  }
}

int HttpServer::timeout(Clock::time_point now) const {
  auto first = listener_.fd() < 0 ? retry_ : now + config_.patience;
  for (const Client& c : clients_)
    if (c.socket.fd() >= 0) first = std::min(first, c.until);
  using std::chrono::milliseconds;
  const auto left = std::chrono::duration_cast<milliseconds>(first - now).count();
  return static_cast<int>(std::max<decltype(left)>(left, 0)) + 1;
}

/// For another client: one that is free, or whose client has nothing under way.
HttpServer::Client* HttpServer::place() {
  Client* best = nullptr;
  for (Client& c : clients_) {
    if (c.socket.fd() < 0) return &c;
    if (c.at != Client::At::rest && c.at != Client::At::end) continue;
    if (best == nullptr || c.until < best->until) best = &c;
  }
  return best;
}

void HttpServer::expect(Client& client, Client::At at) {
  client.at = at;
  client.until = Clock::now() + (at == Client::At::end ? kLinger : config_.patience);
}

void HttpServer::take_in(Client& client) {
  File socket(::accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.fd() < 0) {
    // Without a descriptor to spare it would be asked again at once, and for ever.
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      listener_ = File();
      retry_ = Clock::now() + config_.retry;
    }
    return;
  }
  std::swap(client.socket, socket);
  client.filled = 0;
  client.closes = false;
  client.body.reset();
  expect(client, Client::At::rest);
}

void HttpServer::receive(Client& client) {
  if (client.at == Client::At::end) client.filled = 0;
  char* const into = client.bytes.data() + client.filled;
  const ssize_t n = ::recv(client.socket.fd(), into, client.bytes.size() - client.filled, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    client.socket = File();
    return;
  }
  client.filled += static_cast<std::size_t>(n);
  if (client.at == Client::At::rest) expect(client, Client::At::request);
}

/// As far as it goes without waiting.
void HttpServer::proceed(Client& client) {
  while (client.socket.fd() >= 0 && client.at != Client::At::end) {
    if (client.at == Client::At::answer) {
      send(client);
      if (client.at == Client::At::answer) return;
      continue;
    }
    const HttpRequest request =
        parse_http_request({client.bytes.data(), client.filled}, config_.names);
    if (request.state == HttpRequest::State::partial) return;
    client.closes = !request.keeps_alive;
    answer(client, request.state == HttpRequest::State::whole ? handled(request.target)
                                                              : http_error(request.status));
    client.filled -= request.size;
    std::memmove(client.bytes.data(), client.bytes.data() + request.size, client.filled);
  }
}

HttpAnswer HttpServer::handled(std::string_view target) const {
  try {
    return handler_(target);
  } catch (const std::exception&) {
    return http_error(500);
  }
}

void HttpServer::answer(Client& client, const HttpAnswer& answer) {
  client.head = http_head(answer, client.closes);
  client.body = answer.body;
  client.sent = 0;
  expect(client, Client::At::answer);
}

void HttpServer::send(Client& client) {
  const auto piece = [&]() -> std::string_view {
    const std::string_view head(client.head);
    if (client.sent < head.size()) return head.substr(client.sent);
    return std::string_view(*client.body).substr(client.sent - head.size());
  };
  for (std::string_view p = piece(); !p.empty(); p = piece()) {
    const ssize_t n = ::send(client.socket.fd(), p.data(), p.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) {
      client.socket = File();
      client.at = Client::At::end;
      return;
    }
    client.sent += static_cast<std::size_t>(n);
  }
  client.body.reset();
  if (client.closes) ::shutdown(client.socket.fd(), SHUT_WR);
  expect(client, client.closes        ? Client::At::end
                 : client.filled == 0 ? Client::At::rest
                                      : Client::At::request);
}

}  // namespace mitibox
