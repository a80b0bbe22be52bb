// SPDX-License-Identifier: BSD-3-Clause
#include "control/server.hpp"

#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <memory>
#include <optional>

#include "fake_box.hpp"
#include "peer.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

std::atomic<unsigned> rows_sent{0};

Json echo(Box& /*box*/, const Json& arguments, const Emit& /*emit*/) {
  return arguments;
}
Json fail(Box& /*box*/, const Json& /*arguments*/, const Emit& /*emit*/) {
  throw ControlError("no luck\nat all");
}
/// Until who asked has gone.
Json flood(Box& /*box*/, const Json& /*arguments*/, const Emit& emit) {
  for (rows_sent = 0;; ++rows_sent) emit({{"text", std::string(1000, 'x')}});
}
Json count(Box& /*box*/, const Json& arguments, const Emit& emit) {
  const unsigned n = arguments.at("to");
  for (unsigned i = 0; i < n; ++i) emit({{"n", i}});
  return {{"counted", n}};
}

constexpr Command kCommands[] = {
    {"echo", echo}, {"fail", fail}, {"flood", flood}, {"count", count}};

struct Served {
  explicit Served(Caller::Limits limits = {}, unsigned connections = 16)
      : path(folder / "box.sock"), server(std::in_place, box, config(limits, connections)) {}
  [[nodiscard]] ControlServer::Config config(Caller::Limits limits = {},
                                             unsigned connections = 16) const {
    return {path, limits, connections, kCommands};
  }
  Folder folder;
  std::string path;
  FakeBox box;
  std::optional<ControlServer> server;
};

constexpr const char* kEcho = R"({"command":"echo","arguments":{"a":1}})";
constexpr const char* kEchoed = R"({"done":{"a":1}})";

}  // namespace

TEST_CASE("control: requests and what is said to them", "[control][server]") {
  struct Row {
    const char* what;
    std::string request, reply;
  };
  const std::string deep(30'000, '[');
  const std::string shut(30'000, ']');
  const std::string nested = std::string(30, '[') + std::string(30, ']');
  const std::string too_deep = R"({"error":"the request is nested too deeply"})";
  const std::string not_json = R"({"error":"the request is not a line of JSON"})";
  const std::string shape = R"({"error":"a request is {\"command\": NAME, \"arguments\": {...}}"})";
  const Row rows[] = {
      {"a command", kEcho, kEchoed},
      {"arguments may be left out", R"({"command":"echo"})", R"({"done":{}})"},
      {"an error is one line", R"({"command":"fail"})", R"({"error":"no luck\nat all"})"},
      {"an unknown command", R"({"command":"halt"})", R"({"error":"there is no command 'halt'"})"},
      {"nothing", "", not_json},
      {"garbage", "GET / HTTP/1.1\r", not_json},
      {"bytes", std::string("\xff\xfe\0\x01", 4), not_json},
      {"no UTF-8 within JSON", "{\"command\":\"\xc3\x28\"}", not_json},
      {"half an object", R"({"command":"echo")", not_json},
      {"two on a line", std::string(kEcho) + kEcho, not_json},
      {"nested without an end", deep, too_deep},
      {"nested", deep + shut, too_deep},
      {"nested in a command", R"({"command":"echo","arguments":{"a":)" + deep + shut + "}}",
       too_deep},
      {"nested as deeply as may be", R"({"command":"echo","arguments":{"a":)" + nested + "}}",
       R"({"done":{"a":)" + nested + "}}"},
      {"brackets within text", R"({"command":"echo","arguments":{"a":"\"[[{\\"}})",
       R"({"done":{"a":"\"[[{\\"}})"},
      {"brackets within text, many",
       R"({"command":"echo","arguments":{"a":"\")" + std::string(100, '[') + R"("}})",
       R"({"done":{"a":"\")" + std::string(100, '[') + R"("}})"},
      {"a number", "7", shape},
      {"no command", "{}", shape},
      {"a command that is no text", R"({"command":7})", shape},
      {"another key", R"({"command":"echo","argument":{}})",
       R"({"error":"request: 'argument' is unknown"})"},
      {"arguments that are no object", R"({"command":"echo","arguments":[1]})",
       R"({"error":"arguments: expected an object"})"},
      {"arguments of another type than the command takes",
       R"({"command":"count","arguments":{"to":"x"}})", ""},
  };
  Served s;
  Peer peer(s.path);
  REQUIRE(peer.connected);
  for (const Row& r : rows) {
    INFO(r.what);
    const std::string reply = peer.ask(r.request);
    if (r.reply.empty())
      CHECK_THAT(reply, Catch::StartsWith(R"({"error":")"));
    else
      CHECK(reply == r.reply);
  }
  CHECK(peer.ask(kEcho) == kEchoed);  // none of them has cost the connection
}

TEST_CASE("control: rows come before the end", "[control][server]") {
  Served s;
  Peer peer(s.path);
  peer.say("{\"command\":\"count\",\"arguments\":{\"to\":3}}\n");
  CHECK(peer.hear() == R"({"row":{"n":0}})");
  CHECK(peer.hear() == R"({"row":{"n":1}})");
  CHECK(peer.hear() == R"({"row":{"n":2}})");
  CHECK(peer.hear() == R"({"done":{"counted":3}})");
}

TEST_CASE("control: requests that come in one piece, or in many", "[control][server]") {
  Served s;
  Peer peer(s.path);
  peer.say(std::string(kEcho) + '\n' + kEcho + '\n');
  CHECK(peer.hear() == kEchoed);
  CHECK(peer.hear() == kEchoed);
  for (const char* c = kEcho; *c != '\0'; ++c) peer.say({*c});
  CHECK(peer.ask("") == kEchoed);
}

TEST_CASE("control: a request is bounded", "[control][server]") {
  Caller::Limits limits;
  Served s(limits);
  const std::string frame = R"({"command":"echo","arguments":{"a":""}})";
  {
    Peer peer(s.path);
    const std::string filling(limits.line - frame.size() - 1, 'x');
    CHECK(peer.ask(R"({"command":"echo","arguments":{"a":")" + filling + "\"}}") ==
          R"({"done":{"a":")" + filling + "\"}}");
  }
  Peer peer(s.path);
  peer.say(std::string(limits.line, 'x'));
  CHECK(peer.hear() == R"({"error":"a request has at most 65536 bytes"})");
  CHECK(peer.hear() == "closed");
}

TEST_CASE("control: who is slow", "[control][server]") {
  Caller::Limits limits;
  limits.request = 50ms;
  SECTION("a request that does not end") {
    Served s(limits);
    Peer peer(s.path);
    peer.say("{\"comm");
    CHECK(peer.hear() == R"({"error":"the request does not end"})");
    CHECK(peer.hear() == "closed");
  }
  SECTION("no request at all") {
    limits.idle = 50ms;
    Served s(limits);
    Peer peer(s.path);
    CHECK(peer.hear() == "closed");
  }
  SECTION("who does not read") {
    limits.reply = 50ms;
    Served s(limits, 1);
    Peer peer(s.path);
    peer.say("{\"command\":\"flood\"}\n");
    // The only place is free again once the box has given up.
    for (int i = 0; i < 2000; ++i) {
      Peer next(s.path);
      const std::string reply = next.ask(kEcho);
      if (reply == kEchoed) return;
      std::this_thread::sleep_for(10ms);
    }
    FAIL("the box still waits");
  }
}

TEST_CASE("control: who leaves amid rows", "[control][server]") {
  Served s;
  {
    Peer peer(s.path);
    peer.say("{\"command\":\"flood\"}\n");
    CHECK_THAT(peer.hear(), Catch::StartsWith(R"({"row":)"));
  }
  Peer next(s.path);
  CHECK(next.ask(kEcho) == kEchoed);
}

TEST_CASE("control: connections are bounded", "[control][server]") {
  Served s({}, 2);
  Peer first(s.path);
  Peer second(s.path);
  CHECK(first.ask(kEcho) == kEchoed);
  CHECK(second.ask(kEcho) == kEchoed);
  Peer third(s.path);
  CHECK(third.hear() == R"({"error":"2 connections are open already; try again later"})");
  CHECK(third.hear() == "closed");
  CHECK(first.ask(kEcho) == kEchoed);
}

TEST_CASE("control: the server ends while commands run", "[control][server]") {
  Served s;
  Peer peer(s.path);
  Peer quiet(s.path);
  peer.say("{\"command\":\"flood\"}\n");
  CHECK_THAT(peer.hear(), Catch::StartsWith(R"({"row":)"));
  s.server.reset();
  CHECK(quiet.hear() == "closed");
  CHECK_FALSE(std::filesystem::exists(s.path));
}

TEST_CASE("control: the socket and its place", "[control][listener]") {
  Served s;
  struct stat made {};
  REQUIRE(stat(s.path.c_str(), &made) == 0);
  CHECK((made.st_mode & 07777U) == 0600);

  SECTION("someone listens already") {
    CHECK_THROWS_WITH(ControlServer(s.box, s.config()),
                      Contains("--control") && Contains(s.path) && Contains("another process"));
    CHECK(Peer(s.path).ask(kEcho) == kEchoed);
  }
  SECTION("what a dead process left is replaced") {
    const std::string aside = s.folder / "aside.sock";
    std::filesystem::rename(s.path, aside);
    s.server.reset();  // does not find its socket, so it stays
    std::filesystem::rename(aside, s.path);
    CHECK_FALSE(Peer(s.path).connected);
    s.server.emplace(s.box, s.config());
    CHECK(Peer(s.path).ask(kEcho) == kEchoed);
  }
  SECTION("a later one's socket is not removed") {
    std::filesystem::remove(s.path);
    ControlServer later(s.box, s.config());
    s.server.reset();
    CHECK(Peer(s.path).ask(kEcho) == kEchoed);
  }
}

TEST_CASE("control: places that will not do", "[control][listener]") {
  const Folder folder;
  FakeBox box;
  const auto start = [&](const std::string& path) {
    const ControlServer server(box, {path, {}, 16, kCommands});
    return Peer(path).connected;
  };
  SECTION("a file") {
    std::ofstream(folder / "file") << "precious";
    CHECK_THROWS_WITH(start(folder / "file"), Contains("--control") && Contains("no socket"));
    CHECK(std::filesystem::file_size(folder / "file") == 8);
  }
  SECTION("a folder is made, with its mode") {
    CHECK(start(folder / "new/box.sock"));
    struct stat made {};
    REQUIRE(stat((folder / "new").c_str(), &made) == 0);
    CHECK((made.st_mode & 07777U) == 0700);
  }
  SECTION("two folders are not") {
    CHECK_THROWS_WITH(start(folder / "new/er/box.sock"),
                      Contains("--control") && Contains("new/er") && Contains("No such file"));
  }
  SECTION("a path that is too long") {
    CHECK_THROWS_WITH(start(folder / std::string(200, 'x').c_str()),
                      Contains("--control") && Contains("107 bytes"));
  }
  SECTION("a symbolic link") {
    std::filesystem::create_symlink("/nowhere", folder / "link");
    CHECK_THROWS_WITH(start(folder / "link"), Contains("no socket"));
  }
}
