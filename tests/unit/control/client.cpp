// SPDX-License-Identifier: BSD-3-Clause
// mitiboxctl: what it makes of words, and of answers.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <set>

#include "../../../app/ctl/client.hpp"
#include "../../../app/ctl/commands.hpp"
#include "../../../app/ctl/render.hpp"
#include "../../../app/ctl/watch.hpp"
#include "control/command.hpp"

using namespace mitibox;
using Catch::Contains;
using Words = std::vector<std::string>;

namespace {

constexpr ctl::Command kSample{"sample", "ADDRESS [PORT[/udp]] [to DEST] [for DURATION]", "",
                               false};
constexpr ctl::Command kFile{"file", "[FILE]", "", false};
constexpr ctl::Command kNone{"none", "", "", false};

}  // namespace

TEST_CASE("ctl: words become arguments", "[control][ctl]") {
  struct Row {
    const ctl::Command& command;
    Words words;
    Json made;
  };
  const Row rows[] = {
      {kSample, {"a"}, {{"address", "a"}}},
      {kSample, {"a", "53/udp"}, {{"address", "a"}, {"port", "53/udp"}}},
      {kSample, {"a", "to", "b"}, {{"address", "a"}, {"to", "b"}}},
      {kSample, {"a", "for", "1m", "to", "b"}, {{"address", "a"}, {"for", "1m"}, {"to", "b"}}},
      {kSample, {"to", "b", "a", "7"}, {{"to", "b"}, {"address", "a"}, {"port", "7"}}},
      {kFile, {}, Json::object()},
      {kFile, {"/tmp/x"}, {{"file", "/tmp/x"}}},
      {kFile, {"x"}, {{"file", (std::filesystem::current_path() / "x").string()}}},
      {kNone, {}, Json::object()},
  };
  for (const Row& r : rows) {
    CAPTURE(r.words);
    CHECK(ctl::make_arguments(r.command, r.words) == r.made);
  }
}

TEST_CASE("ctl: words that do not fit", "[control][ctl]") {
  struct Row {
    const ctl::Command& command;
    Words words;
  };
  const Row rows[] = {
      {kSample, {}},
      {kSample, {"to", "b"}},
      {kSample, {"a", "to"}},
      {kSample, {"a", "to", "b", "to", "c"}},
      {kSample, {"a", "b", "c"}},
      {kNone, {"x"}},
  };
  for (const Row& r : rows) {
    CAPTURE(r.words);
    CHECK_THROWS_WITH(ctl::make_arguments(r.command, r.words),
                      Contains("mitiboxctl " + std::string(r.command.word)));
  }
  CHECK_THROWS_WITH(ctl::find_command("halt"), Contains("'halt'"));
}

TEST_CASE("ctl: box and client know the same commands", "[control][ctl]") {
  std::set<std::string_view> box;
  std::set<std::string_view> client;
  for (const Command& c : commands()) box.insert(c.name);
  for (const ctl::Command& c : ctl::commands()) {
    CHECK(client.insert(c.word).second);
    CHECK_FALSE(c.help.empty());
    CHECK_NOTHROW(ctl::find_command(std::string(c.word)));
  }
  CHECK(box == client);
  CHECK(box.size() == commands().size());
}

TEST_CASE("ctl: answers as text", "[control][ctl]") {
  const Json answer = Json::parse(R"({
    "level": "distrusted", "left_s": 3725, "uptime_s": 90061, "share": 0.5, "proven": true,
    "lcores": [1, 2], "warnings": ["one", "two"], "none": [], "nothing": null,
    "ports": [{"port": "outside", "frames": 7, "idle_s": 61}, {"port": "inside", "frames": 1234}],
    "counters": {"received": 12, "dropped": 0},
    "named": {"a_b": "c"},
    "evil": "\u001b[2Jx"})");
  CHECK(ctl::render(answer) ==
        "level: distrusted\n"
        "left: 1h2m\n"
        "uptime: 1d1h\n"
        "share: 0.5\n"
        "proven: yes\n"
        "lcores: 1 2\n"
        "warnings:\n"
        "  one\n"
        "  two\n"
        "none: none\n"
        "nothing: -\n"
        "ports:\n"
        "  port     frames  idle\n"
        "  outside       7  1m1s\n"
        "  inside     1234\n"
        "counters\n"
        "  received                                        12\n"
        "named\n"
        "a b: c\n"
        "evil: ?[2Jx\n");
}

TEST_CASE("ctl: what is too wide for a table", "[control][ctl]") {
  const std::string wide(120, 'x');
  const Json answer{
      {"attempts", Json::array({{{"to", "a"}, {"why", wide}}, {{"to", "b"}, {"why", "y"}}})}};
  CHECK(ctl::render(answer) == "attempts:\n- to: a\n  why: " + wide + "\n- to: b\n  why: y\n");
}

TEST_CASE("ctl: a long table comes in time", "[control][ctl]") {
  ctl::Table table;
  std::string text;
  unsigned due = 0;
  for (unsigned i = 0; i < 600; ++i) {
    const std::string now = table.add({{"n", i}, {"word", "x"}});
    if (now.empty() && due == 0) continue;
    if (due == 0) due = i;
    text += now;
  }
  text += table.finish();
  CHECK(due == 255);  // then each at once
  CHECK(std::count(text.begin(), text.end(), '\n') == 601);
  CHECK_THAT(text, Contains("\n255  x\n256  x\n") && Contains("\n  0  x\n"));
  CHECK(ctl::Table().finish().empty());
}

TEST_CASE("ctl: rates", "[control][ctl]") {
  const Json before{{"counters", {{"in", 100}, {"out", 7}, {"fewer", 9}}}};
  const Json now{{"counters", {{"in", 300}, {"out", 7}, {"fewer", 5}, {"fresh", 3}}},
                 {"quiet", {{"x", 0}}}};
  CHECK(ctl::rates(before, now, std::chrono::seconds(2)) ==
        "                                          a second            in all\n"
        "counters\n"
        "  in                                         100.0               300\n"
        "  fewer                                       -2.0                 5\n"
        "  fresh                                        1.5                 3\n");
}

TEST_CASE("ctl: a box that is busy is told from one that is not there", "[control][ctl]") {
  char folder[] = "/tmp/mitibox-client-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string path = std::string(folder) + "/box.sock";
  const std::chrono::milliseconds patience(20);
  CHECK_THROWS_WITH(ctl::Client(path, patience), Contains("is mitibox running"));
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener, 0) == 0);
  ctl::Client first(path, patience);
  CHECK_THROWS_WITH(first.ask("status", Json::object(), [](const Json&) {}),
                    Contains("the box does not answer: nothing for 0.02 s"));
  // Nobody takes the first in: there is no room for another.
  CHECK_THROWS_WITH(ctl::Client(path, patience), Contains("busy") && !Contains("running"));
  ::close(listener);
  std::filesystem::remove_all(folder);
}
