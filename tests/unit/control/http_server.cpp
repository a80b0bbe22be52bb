// SPDX-License-Identifier: BSD-3-Clause
#include "control/http_server.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace mitibox;
using namespace std::chrono_literals;

namespace {

const std::string kGet = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
const std::string kLast = "GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

constexpr std::size_t kLong = 32'000'000;  ///< more than sockets hold

/// What the server has said of itself.
struct Words {
  void add(const std::string& line) {
    const std::lock_guard lock(mutex);
    lines.push_back(line);
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return lines.size();
  }
  std::mutex mutex;
  std::vector<std::string> lines;
};

HttpAnswer echo(std::string_view target) {
  if (target == "/throws") throw std::runtime_error("no");
  if (target == "/long")
    return {200, "text/plain", std::make_shared<const std::string>(kLong, 'x')};
  return {200, "text/plain", std::make_shared<const std::string>("it is " + std::string(target))};
}

HttpServer::Config config(std::uint16_t port = 0, std::chrono::milliseconds patience = 10s) {
  return {.listen = {parse_address("127.0.0.1").value(), port}, .names = {}, .patience = patience};
}

struct Peer {
  explicit Peer(std::uint16_t port) : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket.fd(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  }
  explicit Peer(File connected) : socket(std::move(connected)) {}
  Peer& say(const std::string& text) {
    CHECK(::send(socket.fd(), text.data(), text.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(text.size()));
    return *this;
  }
  /// Until `end` has come, or the connection has ended.
  std::string hear(const std::string& end = "\n\n\n") {
    std::string out;
    char chunk[65536];
    std::size_t searched = 0;
    while (out.find(end, searched) == out.npos) {
      searched = out.size() - std::min(out.size(), end.size());
      pollfd p{socket.fd(), POLLIN, 0};
      if (::poll(&p, 1, 20'000) != 1) return out + "(nothing more came)";
      const ssize_t n = ::recv(socket.fd(), chunk, sizeof chunk, 0);
      if (n <= 0) break;
      out.append(chunk, static_cast<std::size_t>(n));
    }
    return out;
  }
  /// Until what comes and is not taken has ceased to grow.
  void wait_until_full() {
    int before = 0;
    for (int quiet = 0; quiet < 10; std::this_thread::sleep_for(5ms)) {
      int now = 0;
      REQUIRE(::ioctl(socket.fd(), FIONREAD, &now) == 0);
      quiet = now != 0 && now == before ? quiet + 1 : 0;
      before = now;
    }
  }
  File socket;
};

bool whole(const std::string& answer) {
  return answer.find("(nothing more came)") == answer.npos;
}

std::size_t times(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("http server: answers, and says what a browser may do with it", "[control][http]") {
  HttpServer server(config(), echo, [](auto&) {});
  const std::string answer = Peer(server.port()).say(kLast).hear();
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.ends_with("\r\n\r\nit is /a"));
  for (const char* field :
       {"Content-Length: 8\r\n", "Content-Type: text/plain\r\n", "Cache-Control: no-store\r\n",
        "Content-Security-Policy: default-src 'none'; script-src 'self'",
        "X-Content-Type-Options: nosniff\r\n", "Connection: close\r\n",
        "Date: ", "frame-ancestors 'none'"})
    CHECK(answer.find(field) != answer.npos);
  CHECK(answer.find("Access-Control") == answer.npos);
}

TEST_CASE("http server: several requests on a connection, sent at once or in pieces",
          "[control][http]") {
  HttpServer server(config(), echo, [](auto&) {});
  Peer peer(server.port());
  peer.say(kGet);
  CHECK(times(peer.hear("it is /a"), "200 OK") == 1);
  peer.say(kGet.substr(0, 20)).say(kGet.substr(20));
  CHECK(times(peer.hear("it is /a"), "200 OK") == 1);
  CHECK(times(peer.say(kGet + kGet + kLast + kGet).hear(), "it is /a") == 3);
}

TEST_CASE("http server: refuses, and then ends the connection", "[control][http]") {
  HttpServer server(config(), echo, [](auto&) {});
  const auto asked = [&](const std::string& text) { return Peer(server.port()).say(text).hear(); };
  CHECK(asked("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nsome body")
            .starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
  CHECK(asked("POST / HTTP/1.1\r\n\r\n").find("Allow: GET\r\n") != std::string::npos);
  CHECK(asked("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").starts_with("HTTP/1.1 421 "));
  CHECK(asked("GET /" + std::string(100'000, 'a')).starts_with("HTTP/1.1 431 "));
  CHECK(asked("GET /throws HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .starts_with("HTTP/1.1 500 "));
  CHECK(asked("\x16\x03\x01\x02\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_CASE("http server: a long answer, all of it", "[control][http]") {
  HttpServer server(config(), echo, [](auto&) {});
  const std::string answer =
      Peer(server.port())
          .say("GET /long HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
          .hear();
  CHECK(whole(answer));
  CHECK(answer.size() - answer.find("\r\n\r\n") == kLong + 4);
}

TEST_CASE("http server: who dawdles loses the place", "[control][http]") {
  HttpServer server(config(0, 50ms), echo, [](auto&) {});
  Peer greedy(server.port());
  greedy.say("GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n");  // and takes none of it
  greedy.wait_until_full();  // whoever comes now is sent away after it
  Peer mute(server.port());
  Peer slow(server.port());
  slow.say("GET / HT");
  CHECK(mute.hear().empty());
  CHECK(slow.hear().empty());
  CHECK(greedy.hear().size() < kLong);
}

TEST_CASE("http server: all places are taken", "[control][http]") {
  HttpServer server(config(), echo, [](auto&) {});
  std::vector<Peer> idle;
  for (std::size_t i = 0; i < HttpServer::kClients; ++i) {
    idle.emplace_back(server.port()).say(kGet);
    CHECK(whole(idle.back().hear("it is /a")));
  }
  SECTION("who has nothing under way gives way, longest idle first") {
    CHECK(whole(Peer(server.port()).say(kLast).hear()));
    CHECK(idle.front().hear().empty());
    CHECK(whole(idle.back().say(kGet).hear("it is /a")));
  }
  SECTION("who has, does not; the next waits") {
    for (Peer& p : idle) p.say("GET ");
    for (Peer& p : idle) p.say("/b HTTP/1.1\r\nHost: ");
    Peer next(server.port());
    next.say(kLast);
    pollfd p{next.socket.fd(), POLLIN, 0};
    CHECK(::poll(&p, 1, 30) == 0);
    CHECK(whole(idle[3].say("localhost\r\nConnection: close\r\n\r\n").hear()));
    idle.erase(idle.begin() + 3);
    CHECK(next.hear().ends_with("it is /a"));
  }
}

TEST_CASE("http server: an endpoint that is taken is said once, and stops nobody",
          "[control][http]") {
  auto first = std::make_unique<HttpServer>(config(), echo, [](auto&) {});
  REQUIRE(first->port() != 0);
  Words words;
  {
    HttpServer::Config taken = config(first->port());
    taken.retry = 1ms;
    HttpServer second(taken, echo, [&](const std::string& line) { words.add(line); });
    CHECK(second.port() == 0);
    // It has tried again, often.
    const auto until = std::chrono::steady_clock::now() + 50ms;
    while (std::chrono::steady_clock::now() < until)
      CHECK(whole(Peer(first->port()).say(kLast).hear()));
    CHECK(words.count() == 1);
    first.reset();
    while (words.count() == 1) std::this_thread::yield();
    CHECK(Peer(taken.listen.port).say(kLast).hear().ends_with("it is /a"));
  }
  REQUIRE(words.lines.size() == 2);
  CHECK(words.lines[0].find("in use") != std::string::npos);
  CHECK(words.lines[1].find("listens on") != std::string::npos);
}

TEST_CASE("http server: over IPv6", "[control][http]") {
  const HttpServer server({.listen = {parse_address("::1").value(), 0}, .names = {}}, echo,
                          [](auto&) {});
  if (server.port() == 0) return;  // a machine without IPv6
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(server.port());
  to.sin6_addr = in6addr_loopback;
  File socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(socket.fd(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  CHECK(Peer(std::move(socket)).say(kLast).hear().starts_with("HTTP/1.1 200 OK\r\n"));
  const std::string named =
      fmt::format("GET /a HTTP/1.1\r\nHost: [::1]:{}\r\nConnection: close\r\n\r\n", server.port());
  File again(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(again.fd(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  CHECK(Peer(std::move(again)).say(named).hear().ends_with("it is /a"));
}
