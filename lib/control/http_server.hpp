// SPDX-License-Identifier: BSD-3-Clause
/// Serves GET requests to a few clients at a time, in fixed memory.
///
/// No library: those that Debian 12 has read a request's headers into memory without a bound, and a
/// process without memory forwards nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "control/http_head.hpp"
#include "control/http_request.hpp"
#include "policy/policy.hpp"

namespace mitibox {

/// One thread of its own. No client takes more memory than a request, or holds one of the places
/// for longer than `patience`: for a request, for taking its answer, between two requests.
class HttpServer {
 public:
  static constexpr std::size_t kClients = 16;

  /// Runs in the server's thread. What it throws is answered with 500.
  using Handler = std::function<HttpAnswer(std::string_view target)>;
  /// Is told in one line when the endpoint cannot be had, and when it can.
  using Tell = std::function<void(const std::string& line)>;

  struct Config {
    SocketAddress listen;            ///< port 0: any that is free
    std::vector<std::string> names;  ///< as parse_http_request
    std::chrono::milliseconds patience{10'000};
    /// Until an endpoint that cannot be had is asked for again.
    std::chrono::milliseconds retry{5'000};
  };

  HttpServer(Config config, Handler handler, Tell tell);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Where it listens; 0 when it could not at once.
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  using Clock = std::chrono::steady_clock;

  struct Client {
    enum class At { rest, request, answer, end };  ///< end: only waits for its peer to close
    File socket;
    At at = At::rest;
    Clock::time_point until;
    bool closes = false;  ///< after the answer
    std::size_t filled = 0;
    std::array<char, HttpRequest::kMost> bytes;
    std::string head;
    std::shared_ptr<const std::string> body;
    std::size_t sent = 0;  ///< of head and body
  };

  void run();
  void listen();
  [[nodiscard]] Client* place();
  void take_in(Client& client);
  void receive(Client& client);
  void proceed(Client& client);
  void answer(Client& client, const HttpAnswer& answer);
  [[nodiscard]] HttpAnswer handled(std::string_view target) const;
  void send(Client& client);
  void expect(Client& client, Client::At at);
  [[nodiscard]] int timeout(Clock::time_point now) const;

  const Config config_;
  const Handler handler_;
  const Tell tell_;
  File stop_;  ///< an eventfd
  File listener_;
  std::uint16_t port_ = 0;
  Clock::time_point retry_{};
  bool told_ = false;
  std::vector<Client> clients_;
  std::thread thread_;
};

}  // namespace mitibox
