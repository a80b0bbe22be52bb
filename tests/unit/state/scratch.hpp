// SPDX-License-Identifier: BSD-3-Clause
/// A folder, and images, for the tests of state.
#pragma once

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

#include "state/folder.hpp"

namespace mitibox::test {

/// A folder of its own, gone with it.
struct Scratch {
  Scratch() { REQUIRE(::mkdtemp(name.data()) != nullptr); }
  ~Scratch() { std::filesystem::remove_all(name); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void write(const std::string& file, std::string_view text, mode_t mode = 0600) const {
    const std::string path = name + "/" + file;
    std::ofstream(path, std::ios::binary) << text;
    REQUIRE(::chmod(path.c_str(), mode) == 0);
  }
  [[nodiscard]] std::string read(const std::string& file) const {
    std::ifstream in(name + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// How many files have a name that begins so.
  [[nodiscard]] int count(const std::string& begin) const {
    int n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(name))
      n += entry.path().filename().string().rfind(begin, 0) == 0 ? 1 : 0;
    return n;
  }
  std::string name = "/tmp/mitibox-state-XXXXXX";
};

inline Section section(const std::string& name, const std::string& text) {
  Section s;
  s.name = name;
  s.version = 7;
  s.bytes.resize(text.size());
  std::ranges::copy(std::as_bytes(std::span(text)), s.bytes.begin());
  return s;
}

inline Image some_image() {
  Image image;
  image.saved = Moment::now(std::chrono::hours(5));
  image.sections = {section("one", "some text"), section("none", ""), section("two", "more")};
  return image;
}

inline std::string text_of(const Image& image) {
  const auto bytes = image.encode();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace mitibox::test
