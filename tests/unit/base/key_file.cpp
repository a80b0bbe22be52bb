// SPDX-License-Identifier: BSD-3-Clause
#include "base/key_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <stdexcept>
#include <string>

using namespace mitibox;
using Catch::Contains;

namespace {

/// A folder of its own, gone with it.
struct Folder {
  Folder() { REQUIRE(::mkdtemp(name.data()) != nullptr); }
  ~Folder() { std::filesystem::remove_all(name); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string name = "/tmp/mitibox-key-XXXXXX";
};

void write(const std::filesystem::path& file, const std::string& text, mode_t mode = 0600) {
  std::ofstream(file) << text;
  REQUIRE(::chmod(file.c_str(), mode) == 0);
}

}  // namespace

TEST_CASE("A key that is kept is the same at every start", "[key_file]") {
  const Folder folder;
  const std::filesystem::path file = folder.name + "/below/surface.key";
  const Key128 key = kept_key(file);
  CHECK_FALSE(key == Key128{});
  CHECK(kept_key(file) == key);
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);
  CHECK(std::distance(std::filesystem::directory_iterator(file.parent_path()), {}) == 1);
  std::filesystem::remove(file);
  CHECK_FALSE(kept_key(file) == key);
}

TEST_CASE("A key file is read as it is written", "[key_file]") {
  const Folder folder;
  const std::filesystem::path file = folder.name + "/k";
  const std::string digits = "000102030405060708090a0b0c0d0e0f";
  for (const char* end : {"", "\n"}) {
    write(file, digits + end);
    CHECK(kept_key(file) == Key128{0x0001020304050607, 0x08090a0b0c0d0e0f});
  }
}

TEST_CASE("A key file that is no use is refused by name, and stays", "[key_file]") {
  const Folder folder;
  const std::filesystem::path file = folder.name + "/k";
  const std::string digits = "000102030405060708090a0b0c0d0e0f";
  for (const std::string& text :
       {std::string(), digits.substr(1), digits + "0", digits + "\n\n", "x" + digits.substr(1)}) {
    write(file, text);
    CHECK_THROWS_WITH(kept_key(file), Contains(file.string()) && Contains("32 hexadecimal"));
  }
  write(file, digits, 0640);
  CHECK_THROWS_WITH(kept_key(file), Contains("others may read it"));
  CHECK(std::filesystem::exists(file));
  CHECK_THROWS_WITH(kept_key("/proc/nowhere/k"), Contains("/proc/nowhere/k"));
}
