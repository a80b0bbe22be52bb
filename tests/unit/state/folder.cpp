// SPDX-License-Identifier: BSD-3-Clause
#include "state/folder.hpp"

#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "scratch.hpp"

using namespace mitibox;
using namespace mitibox::test;
using Catch::Contains;

namespace {

/// The remark of a read that found nothing of use; the file must be set aside, as it was.
std::string refused(const Scratch& scratch) {
  const std::string before = scratch.read("state");
  StateFolder folder(scratch.name);
  REQUIRE_FALSE(folder.read());
  const auto remarks = folder.take_remarks();
  REQUIRE(remarks.size() == 1);
  REQUIRE(folder.take_remarks().empty());
  REQUIRE(scratch.count("state.damaged-") == 1);
  REQUIRE_FALSE(std::filesystem::exists(scratch.name + "/state"));
  for (const auto& entry : std::filesystem::directory_iterator(scratch.name)) {
    REQUIRE(scratch.read(entry.path().filename()) == before);
    std::filesystem::remove_all(entry.path());
  }
  return remarks[0];
}

}  // namespace

TEST_CASE("folder: state goes from one box to the next", "[state]") {
  const Scratch scratch;
  const std::string below = scratch.name + "/a/b";
  Key128 key;
  {
    StateFolder first(below);
    CHECK(first.wrong().empty());
    CHECK_FALSE(first.read());
    key = first.key();
    first.write(some_image());
    first.write(some_image());
    CHECK(first.take_remarks().empty());
  }
  StateFolder second(below);
  CHECK(second.key() == key);
  REQUIRE(second.read());
  CHECK(second.read()->sections == some_image().sections);
  CHECK(second.take_remarks().empty());
  struct stat s {};
  for (const char* file : {"/state", "/key"}) {
    REQUIRE(::stat((below + file).c_str(), &s) == 0);
    CHECK((s.st_mode & 0777U) == 0600);
  }
  REQUIRE(::stat(below.c_str(), &s) == 0);
  CHECK((s.st_mode & 0777U) == 0700);
  // No drafts are left.
  CHECK(std::distance(std::filesystem::directory_iterator(below), {}) == 2);
}

TEST_CASE("folder: cut anywhere the file is set aside and said, and so with bits turned",
          "[state]") {
  const Scratch scratch;
  const std::string whole = text_of(some_image());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    scratch.write("state", whole.substr(0, length));
    CAPTURE(length);
    REQUIRE_THAT(refused(scratch), Contains("set aside as"));
  }
  for (std::size_t at = 0; at < whole.size(); at += 3) {
    std::string text = whole;
    text[at] = static_cast<char>(text[at] ^ 1 << at % 8);
    scratch.write("state", text);
    CAPTURE(at);
    REQUIRE_THAT(refused(scratch), Contains("set aside as"));
  }
}

TEST_CASE("folder: what others may have written is not used", "[state]") {
  const Scratch scratch;
  const std::string whole = text_of(some_image());
  scratch.write("state", whole, 0644);
  CHECK_THAT(refused(scratch), Contains("others may read or write it"));
  if (::geteuid() == 0) {
    scratch.write("state", whole);
    REQUIRE(::chown((scratch.name + "/state").c_str(), 1234, 1234) == 0);
    CHECK_THAT(refused(scratch), Contains("it belongs to another user"));
  }
  scratch.write("elsewhere", whole);
  std::filesystem::create_symlink("elsewhere", scratch.name + "/state");
  {
    StateFolder folder(scratch.name);
    CHECK_FALSE(folder.read());
    CHECK_THAT(folder.take_remarks().at(0), Contains("symbolic link"));
  }
  std::filesystem::create_directory(scratch.name + "/state");
  {
    StateFolder folder(scratch.name);
    CHECK_FALSE(folder.read());
    CHECK_THAT(folder.take_remarks().at(0), Contains("no ordinary file"));
  }
  REQUIRE(::mkfifo((scratch.name + "/state").c_str(), 0600) == 0);
  StateFolder folder(scratch.name);
  CHECK_FALSE(folder.read());
  CHECK_THAT(folder.take_remarks().at(0), Contains("no ordinary file"));
}

TEST_CASE("folder: a damaged key is set aside, and another drawn", "[state]") {
  const Scratch scratch;
  scratch.write("key", "no key");
  StateFolder folder(scratch.name);
  const Key128 key = folder.key();
  CHECK_THAT(folder.take_remarks().at(0), Contains("expected 32 hexadecimal digits"));
  CHECK(scratch.count("key.damaged-") == 1);
  CHECK(folder.key() == key);
}

TEST_CASE("folder: one box at a time has it", "[state]") {
  const Scratch scratch;
  StateFolder first(scratch.name);
  first.write(some_image());
  StateFolder second(scratch.name);
  CHECK_THAT(second.wrong(), Contains("another box uses it"));
  CHECK_FALSE(second.read());
  CHECK_THROWS_WITH(second.write(some_image()), Contains("another box uses it"));
  CHECK_FALSE(second.key() == first.key());
  CHECK(first.read());
}

TEST_CASE("folder: a folder that cannot be made stops nobody", "[state]") {
  const Scratch scratch;
  scratch.write("file", "");
  StateFolder folder(scratch.name + "/file/below");
  CHECK_FALSE(folder.wrong().empty());
  CHECK_FALSE(folder.read());
  CHECK_FALSE(folder.key() == folder.key());
  CHECK_THROWS_WITH(folder.write(some_image()), Contains(folder.wrong()));
}

TEST_CASE("folder: what cannot be written leaves the old file", "[state]") {
  const Scratch scratch;
  StateFolder folder(scratch.name);
  folder.write(some_image());
  // A draft that cannot be made: its name is taken by a folder.
  std::filesystem::create_directories(scratch.name + "/state.draft/full");
  CHECK_THROWS_WITH(folder.write(some_image()), Contains("/state: "));
  CHECK(folder.read());
}

TEST_CASE("folder: a key that cannot be read just now is kept for the next run", "[state]") {
  const Scratch scratch;
  const std::string digits = "000102030405060708090a0b0c0d0e0f";
  scratch.write("key", digits);
  StateFolder folder(scratch.name);
  REQUIRE(folder.wrong().empty());
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const Key128 own = folder.key();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_FALSE(own == Key128{0x0001020304050607, 0x08090a0b0c0d0e0f});
  const auto remarks = folder.take_remarks();
  REQUIRE(remarks.size() == 1);
  CHECK_THAT(remarks[0],
             Contains("Too many open files") && Contains("this run has a key of its own"));
  CHECK(scratch.read("key") == digits);
  CHECK(scratch.count("key") == 1);
  CHECK(folder.key() == Key128{0x0001020304050607, 0x08090a0b0c0d0e0f});
}
