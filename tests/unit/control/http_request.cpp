// SPDX-License-Identifier: BSD-3-Clause
#include "control/http_request.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace mitibox;
using State = HttpRequest::State;

namespace {

const std::vector<std::string> kNames{"box.example.org"};

HttpRequest parse(const std::string& bytes) {
  return parse_http_request(bytes, kNames);
}

HttpRequest get_from(const std::string& host) {
  return parse("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
}

}  // namespace

TEST_CASE("http: a request, whole and in pieces", "[control][http]") {
  const std::string all =
      "GET /api/live?x=1 HTTP/1.1\r\nhOST:\t localhost:9464 \r\nAccept: */*\r\n\r\n";
  for (std::size_t n = 0; n < all.size(); ++n)
    CHECK(parse(all.substr(0, n)).state == State::partial);
  const std::string more = all + "GET /next";
  const HttpRequest r = parse_http_request(more, kNames);
  CHECK(r.state == State::whole);
  CHECK(r.target == "/api/live");
  CHECK(r.size == all.size());
  CHECK(r.keeps_alive);
}

TEST_CASE("http: what ends a connection", "[control][http]") {
  CHECK_FALSE(parse("GET / HTTP/1.1\r\nHost: [::1]\r\nConnection: Close\r\n\r\n").keeps_alive);
  CHECK_FALSE(parse("GET / HTTP/1.0\r\nHost: [::1]\r\n\r\n").keeps_alive);
  CHECK(parse("GET / HTTP/1.0\r\nHost: [::1]\r\nConnection: keep-alive\r\n\r\n").keeps_alive);
}

TEST_CASE("http: what is refused, and as what", "[control][http]") {
  struct Case {
    std::string bytes;
    int status;
  };
  const std::string host = "Host: localhost\r\n";
  for (const Case& c : {
           Case{"\r\n\r\n", 400},
           Case{"GET\r\n\r\n", 400},
           Case{"GET /\r\n\r\n", 400},
           Case{"GET http://box/ HTTP/1.1\r\n" + host + "\r\n", 400},
           Case{"GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
           Case{"GET / HTTP/2.0\r\n" + host + "\r\n", 505},
           Case{"GET / http/1.1\r\n" + host + "\r\n", 400},
           Case{"POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\n", 405},
           Case{"HEAD / HTTP/1.1\r\n" + host + "\r\n", 405},
           Case{"get / HTTP/1.1\r\n" + host + "\r\n", 405},
           Case{"GET / HTTP/1.1\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
           Case{"GET / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\n" + host + "no colon\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\n" + host + ": no name\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\n" + host + "Folded:\r\n on\r\n\r\n", 400},
           Case{"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400},
           Case{std::string("GET /\0 HTTP/1.1\r\n", 18) + host + "\r\n", 400},
           Case{"GET / HTTP/1.1\r\n" + host + "A: " + std::string(HttpRequest::kMost, 'a'), 431},
           Case{std::string(HttpRequest::kMost, 'a'), 431},
       }) {
    CAPTURE(c.bytes.substr(0, 80));
    const HttpRequest r = parse(c.bytes);
    CHECK(r.state == State::refused);
    CHECK(r.status == c.status);
    CHECK_FALSE(r.keeps_alive);
  }
}

TEST_CASE("http: a page of somebody else's name is none of ours", "[control][http]") {
  for (const char* host : {"localhost", "LocalHost:1", "127.0.0.1", "192.0.2.1:9464", "[::1]",
                           "[2001:db8::1]:9464", "box.example.org", "BOX.example.org:80"}) {
    CAPTURE(host);
    CHECK(get_from(host).state == State::whole);
  }
  for (const char* host :
       {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:80",
        "example.org", "[127.0.0.1]", "[::1", "[::1]x", "::1", "0x7f.1", "[]"}) {
    CAPTURE(host);
    const HttpRequest r = get_from(host);
    CHECK(r.state == State::refused);
    CHECK(r.status == 421);
  }
}
