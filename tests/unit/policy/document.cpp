// SPDX-License-Identifier: BSD-3-Clause
#include "policy/document.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "fixtures.hpp"
#include "policy/policy.hpp"

using namespace mitibox;
using Catch::Contains;
using namespace std::string_literals;

namespace {

std::string refusal(std::string_view json) {
  try {
    parse_policy(json, "p.json");
  } catch (const PolicyError& e) {
    const std::string what = e.what();
    CHECK(what.find('\n') == what.npos);
    for (const char c : what) CHECK((c >= ' ' && c <= '~'));
    return what;
  }
  return "accepted";
}

std::string nested(std::size_t lists) {
  std::string json = R"({"protected":)";
  return json.append(lists, '[');
}

/// A directory of the test's own.
struct Scratch {
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "mitibox-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("JSON mistakes are located by line and column", "[policy]") {
  REQUIRE_THAT(refusal("{\n  \"protected\": [\"10.0.0.0/8\",]\n}"),
               Contains("p.json:2:30: found what is not JSON"));
  REQUIRE_THAT(refusal("{ \"protected\" [] }"), Contains("p.json:1:15: "));
  REQUIRE_THAT(refusal("{"), Contains("p.json:1:2: "));
  REQUIRE_THAT(refusal("{} x"), Contains("p.json:1:4: "));
  REQUIRE_THAT(refusal("{\"a\": 1e400}"), Contains("number overflow"));
  REQUIRE_THAT(refusal("// comment\n{}"), Contains("p.json:1:1: "));
}

TEST_CASE("empty, overlong and binary files are refused", "[policy]") {
  REQUIRE(refusal("") ==
          "p.json: /: found an empty file, expected a JSON object with at least \"protected\"");
  REQUIRE_THAT(refusal(" \n"), Contains("an empty file"));
  REQUIRE_THAT(refusal(std::string((4U << 20U) + 1, ' ')), Contains("more than 4 MiB"));
  REQUIRE_THAT(refusal("{\"protected\":[\"10.0.0.0/8\"]}\0{"s),
               Contains("p.json:1:29: found a zero byte"));
  REQUIRE_THAT(refusal("{\"protected\":[\"\xff\xfe\"]}"), Contains("p.json:1:16: "));
  REQUIRE_THAT(refusal("\x7f"
                       "ELF\x02\x01"),
               Contains("p.json:1:1: "));
}

TEST_CASE("a file of exactly 4 MiB is read", "[policy]") {
  std::string json = R"({"protected":["10.0.0.0/8"]})";
  json.resize(4U << 20U, ' ');
  REQUIRE_NOTHROW(parse_policy(json, "p.json"));
}

TEST_CASE("nesting is bounded", "[policy]") {
  REQUIRE(refusal(nested(15)).find("not JSON") != std::string::npos);
  const std::string deep = refusal(nested(16));
  REQUIRE_THAT(deep, Contains("p.json: /protected/0/0/0/"));
  REQUIRE_THAT(deep, Contains("found a value nested too deeply, expected at most 16 levels"));
  REQUIRE_THAT(refusal(std::string(1000000, '[')), Contains("nested too deeply"));
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  REQUIRE_THAT(refusal(objects), Contains("nested too deeply"));
}

TEST_CASE("a key twice is refused, wherever it stands", "[policy]") {
  REQUIRE(refusal(R"({"protected": ["10.0.0.0/8"], "protected": ["10.0.0.0/9"]})") ==
          "p.json: /protected: found the key a second time, expected each key once");
  REQUIRE_THAT(refusal(R"({"trust": {"light": "1s", "light": "1s"}})"),
               Contains("/trust/light: found the key a second time"));
  REQUIRE_THAT(refusal(R"({"services": [{"tcp": [1]}, {"tcp": [1], "tcp": [2]}]})"),
               Contains("/services/1/tcp: found the key a second time"));
  REQUIRE_THAT(refusal(R"({"trust": {}, "tru\u0073t": {}})"), Contains("/trust: found the key"));
  // The same key in different objects is no repetition.
  REQUIRE_THAT(refusal(R"({"protected":["10.0.0.0/8"],"reply":{"udp":"silent"},
                           "timeouts":{"udp":"9s"}})"),
               Contains("accepted"));
}

TEST_CASE("files that cannot be read say why", "[policy]") {
  const Scratch scratch;
  const auto refuse = [](const std::filesystem::path& file) -> std::string {
    try {
      load_policy(file);
    } catch (const PolicyError& e) {
      return e.what();
    }
    return "accepted";
  };
  REQUIRE_THAT(refuse(scratch.path / "none.json"),
               Contains("none.json: cannot be read: No such file or directory"));
  REQUIRE_THAT(refuse(scratch.path), Contains("cannot be read: Is a directory"));
  REQUIRE_THAT(refuse("/dev/zero"), Contains("more than 4 MiB"));
  REQUIRE_THAT(refuse("/dev/null"), Contains("an empty file"));

  const auto closed = scratch.path / "closed.json";
  std::ofstream(closed) << R"({"protected":["10.0.0.0/8"]})";
  REQUIRE(refuse(closed) == "accepted");
  std::filesystem::permissions(closed, std::filesystem::perms::none);
  if (::geteuid() != 0)  // root may read it all the same
    REQUIRE_THAT(refuse(closed), Contains("cannot be read: Permission denied"));
}

TEST_CASE("whatever the bytes, nothing but PolicyError is thrown", "[policy]") {
  std::string seed = policy_fixtures::read("docs/examples/full.json").dump();
  std::mt19937 random(7);
  const std::string_view alphabet = "{}[]\",:0123456789-.eE/\\ud8\n\t\x80\xff";
  unsigned refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = seed;
    for (unsigned n = 1 + random() % 4; n > 0; --n) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = alphabet[random() % alphabet.size()];
          break;
        case 2:
          bytes.erase(at, 1 + random() % 8);
          break;
        default:
          bytes.insert(at, bytes, random() % bytes.size(), random() % 16);
      }
      if (bytes.empty()) bytes.push_back('0');
    }
    try {
      static_cast<void>(describe(parse_policy(bytes, "fuzz")));
    } catch (const PolicyError& e) {
      ++refused;
      const std::string_view what = e.what();
      REQUIRE(what.find('\n') == what.npos);
    }
  }
  REQUIRE(refused > 10000);
}
