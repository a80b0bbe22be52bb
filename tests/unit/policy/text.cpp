// SPDX-License-Identifier: BSD-3-Clause
#include "policy/text.hpp"

#include <array>
#include <catch2/catch.hpp>

using namespace mitibox::policy_text;
using std::chrono::seconds;

TEST_CASE("durations are read and written alike", "[policy]") {
  for (const auto& [text, value] : {std::pair{"0s", 0},
                                    {"1s", 1},
                                    {"1m", 60},
                                    {"1h30m", 5400},
                                    {"1d1s", 86401},
                                    {"2h4m", 7440},
                                    {"7d", 604800}}) {
    CAPTURE(text);
    REQUIRE(parse_duration(text) == seconds(value));
    REQUIRE(to_string(seconds(value)) == text);
  }
  REQUIRE(parse_duration("90m") == seconds(5400));
}

TEST_CASE("what is no duration is not read", "[policy]") {
  for (const char* text : {"", "s", "1", "1x", "1S", "1ms", "500ms", "1.5s", "-1s", "+1s", " 1s",
                           "1s ", "1s1s", "1s1m", "1m1h", "1234567890s", "0x1s"}) {
    CAPTURE(text);
    REQUIRE_FALSE(parse_duration(text));
  }
}

TEST_CASE("text is shown in one line of ASCII", "[policy]") {
  using namespace std::string_literals;
  REQUIRE(printable("a\nb\xff\0c"s) == "a\\x0ab\\xff\\x00c");
  REQUIRE(printable("abcdef", 3) == "abc...");
  REQUIRE(printable("abc", 3) == "abc");
}

TEST_CASE("a slip suggests the word that was meant", "[policy]") {
  constexpr std::array<std::string_view, 4> words{"evidence", "partial", "light", "udp"};
  REQUIRE(nearest("evidnce", words) == "evidence");
  REQUIRE(nearest("partials", words) == "partial");
  REQUIRE(nearest("Light", words) == "light");
  REQUIRE(nearest("xyz", words).empty());
  REQUIRE(nearest("", words).empty());
  REQUIRE(nearest(std::string(100000, 'e'), words).empty());
}
