// SPDX-License-Identifier: BSD-3-Clause
#include "state/image.hpp"

#include <catch2/catch.hpp>

#include "scratch.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

Image::Decoded decode(std::string_view text) {
  return Image::decode(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace

TEST_CASE("image: what was written is read", "[state]") {
  const Image image = some_image();
  const Image::Decoded read = decode(text_of(image));
  REQUIRE(read.wrong.empty());
  CHECK(read.image->sections == image.sections);
  CHECK(read.image->saved.age == image.saved.age);
  CHECK(read.image->saved.wall == image.saved.wall);
  CHECK(read.image->saved.boot_id == image.saved.boot_id);
  CHECK(read.image->find("two") != nullptr);
  CHECK(read.image->find("three") == nullptr);
}

TEST_CASE("image: cut anywhere it is refused, with a reason", "[state]") {
  const std::string whole = text_of(some_image());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const Image::Decoded read = decode(std::string_view(whole).substr(0, length));
    CAPTURE(length);
    REQUIRE_FALSE(read.image);
    REQUIRE_FALSE(read.wrong.empty());
  }
  CHECK_FALSE(decode(whole + '\0').image);
}

TEST_CASE("image: with any bit turned it is refused, with a reason", "[state]") {
  std::string text = text_of(some_image());
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
    const Image::Decoded read = decode(text);
    CAPTURE(bit);
    REQUIRE_FALSE(read.image);
    REQUIRE_FALSE(read.wrong.empty());
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
  }
  CHECK(decode(text).image);
}

TEST_CASE("image: a box's age is believed only if it can go on", "[state]") {
  for (const Time age : {Time(-1), Time::min(), Time::max()}) {
    Image image = some_image();
    image.saved.age = age;
    CHECK(decode(text_of(image)).wrong == "its time is out of range");
  }
}
