// SPDX-License-Identifier: BSD-3-Clause
// The files of mappings: what is refused, what is half-written, who may have them.
#include "tracker/mapping.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "place.hpp"
#include "tracker/connection_table.hpp"
#include "tracker/survivors.hpp"

using namespace mitibox;
using namespace mitibox::test;
using Catch::Matchers::Contains;

namespace {

using Key = std::array<std::uint64_t, 5>;

Key key_of(std::uint64_t number) {
  return {number, 6ULL << 32U, 3, 4, 6ULL << 32U};
}

struct Table : ConnectionTable {
  explicit Table(const Mapping::Place& place, std::uint32_t key_size = kKeySizeV4)
      : ConnectionTable("table", key_size, {64, 64, 64}, {1, 2}, &place) {}

  std::int32_t begin_new(std::uint64_t number) {
    const Key key = key_of(number);
    const std::int32_t at = insert(key.data(), hash(key.data()), Stage::settled);
    (*this)[at].protocol = 6;
    (*this)[at].last_seen = 5;
    return at;
  }
  std::int32_t add(std::uint64_t number) {
    const std::int32_t at = begin_new(number);
    check_at(at, 100);
    return at;
  }
};

/// Overwrites bytes of the file.
template <typename T>
void put(const std::string& file, std::size_t at, T value) {
  std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
  f.seekp(static_cast<std::streamoff>(at));
  f.write(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string only_remark(const Survivors& s) {
  return s.remarks().size() == 1 ? s.remarks()[0] : std::to_string(s.remarks().size());
}

constexpr Now kNow{std::chrono::milliseconds(10)};

}  // namespace

TEST_CASE("mapping: a file of one's own, of the stated size", "[tracker][mapping]") {
  const Directory directory;
  const Mapping::Place place = directory.place();
  const Table table(place);
  const std::string file = directory.file("table");
  struct stat s {};
  REQUIRE(stat(file.c_str(), &s) == 0);
  CHECK((s.st_mode & 0777U) == 0600);
  CHECK(static_cast<std::size_t>(s.st_size) >= Mapping::bytes(kKeySizeV4, 64));
  CHECK(Mapping::held_bytes(place.directory, place.prefix) >= Mapping::bytes(kKeySizeV4, 64));
  CHECK(Mapping::held_bytes(place.directory, "other") == 0);

  // Nobody else may have it while it is in use.
  CHECK_THROWS_WITH(Table(place), Contains(file) && Contains("tables.persist"));
  Survivors survivors(place, kNow);
  CHECK_THAT(only_remark(survivors), Contains("another process"));
  survivors.clear();
  CHECK(std::filesystem::exists(file));
}

TEST_CASE("mapping: a directory that cannot be used is named", "[tracker][mapping]") {
  const Directory directory;
  Mapping::Place place = directory.place();
  place.directory += "/missing";
  CHECK_THROWS_WITH(Table(place), Contains("/missing/unit.connections-v4.table") &&
                                      Contains("No such file") && Contains("tables.persist"));
  const Survivors survivors(place, kNow);
  CHECK_THAT(only_remark(survivors), Contains("/missing"));
  CHECK(survivors.size() == 0);
}

TEST_CASE("mapping: only whole records survive, at whatever moment the process ends",
          "[tracker][mapping]") {
  const Directory directory;
  const Mapping::Place place = directory.place();
  Table table(place);
  // A copy of the file is what a process that ends here leaves.
  const auto left = [&] {
    Mapping::Place then = place;
    then.prefix = "copy";
    const std::string copy = place.directory + "/copy.connections-v4.table";
    std::filesystem::copy_file(directory.file("table"), copy);
    Survivors survivors(then, kNow);
    CHECK(survivors.remarks().empty());
    CHECK(survivors.damaged() == 0);
    survivors.clear();
    CHECK_FALSE(std::filesystem::exists(copy));
    return survivors.size();
  };
  table.add(1);
  const std::int32_t at = table.begin_new(2);
  CHECK(left() == 1);
  table.check_at(at, 100);
  CHECK(left() == 2);
  table.begin(at);
  table[at].opener_isn = 77;
  CHECK(left() == 1);
  table.check_at(at, 100);
  CHECK(left() == 2);
  table[at].ends[0].end = 5;  // as each packet does
  CHECK(left() == 2);
  table.erase(at);
  CHECK(left() == 1);
  table.begin_new(3);  // in the place of the erased one
  CHECK(left() == 1);
}

TEST_CASE("mapping: records that are not what they say are dropped", "[tracker][mapping]") {
  const Directory directory;
  const Mapping::Place place = directory.place();
  {
    Table table(place);
    for (std::uint64_t i = 0; i < 8; ++i) table.add(i);
  }
  const std::string file = directory.file("table");
  const auto record = [](std::size_t i) { return Mapping::kRecords + i * sizeof(Connection); };
  put<std::uint32_t>(file, record(0) + offsetof(Connection, opener_isn), 1);
  put<std::uint8_t>(file, record(1) + offsetof(Connection, protocol), 17);
  put<std::uint8_t>(file, record(2) + offsetof(Connection, state), 8);
  put<std::uint8_t>(file, record(3) + offsetof(Connection, protocol) + 1, 6);  // stage 3
  put<std::uint8_t>(file, record(4) + offsetof(Connection, ends) + offsetof(TcpEnd, scale), 15);
  put<std::uint64_t>(file, record(64) + 5 * kKeySizeV4, 99);  // a key
  put<std::uint32_t>(file, record(6) + offsetof(Connection, seal), 0);
  const Survivors survivors(place, kNow);
  CHECK(survivors.remarks().empty());
  CHECK(survivors.damaged() == 6);
  CHECK(survivors.size() == 1);
}

TEST_CASE("mapping: files that do not fit are refused with the reason", "[tracker][mapping]") {
  const Directory directory;
  Mapping::Place place = directory.place();
  { Table(place).add(1); }
  const std::string file = directory.file("table");
  REQUIRE(Survivors(place, kNow).size() == 1);
  using Header = Mapping::Header;
  put<std::uint32_t>(file, offsetof(Header, version), 3);
  REQUIRE(Survivors(place, kNow).size() == 1);
  const char* why = nullptr;
  SECTION("magic") {
    put<std::uint64_t>(file, offsetof(Header, magic), 5);
    why = "not a table";
  }
  SECTION("layout") {
    put<std::uint32_t>(file, offsetof(Header, version), 99);
    why = "layout 99, expected 4";
  }
  SECTION("record") {
    put<std::uint32_t>(file, offsetof(Header, record_size), 128);
    why = "records of 128 bytes, expected 64";
  }
  SECTION("key") {
    put<std::uint32_t>(file, offsetof(Header, key_size), 24);
    why = "keys of 24 bytes";
  }
  SECTION("truncated") {
    std::filesystem::resize_file(file, Mapping::kRecords + 100);
    why = "expected";
  }
  SECTION("cut to nothing") {
    std::filesystem::resize_file(file, 10);
    why = "too short";
  }
  SECTION("larger than it is") {
    put<std::uint32_t>(file, offsetof(Header, capacity), UINT32_MAX);
    why = "expected";
  }
  SECTION("another boot") {
    place.boot = "that boot";
    why = "started anew";
  }
  SECTION("others could write it") {
    std::filesystem::permissions(file, std::filesystem::perms(0620));
    why = "others";
  }
  SECTION("a link") {
    std::filesystem::rename(file, place.directory + "/elsewhere");
    std::filesystem::create_symlink(place.directory + "/elsewhere", file);
    why = "cannot be opened";
  }
  SECTION("a directory") {
    std::filesystem::remove(file);
    std::filesystem::create_directory(file);
    why = "cannot be opened";
  }
  Survivors survivors(place, kNow);
  CHECK(survivors.size() == 0);
  CHECK_THAT(only_remark(survivors), Contains(why) && Contains(file));
  if (std::filesystem::is_directory(file)) return;
  // The table takes its place all the same, and the next process finds it good.
  { Table(place).add(1); }
  CHECK(Survivors(place, kNow).size() == 1);
}

TEST_CASE("mapping: a file of the other family is of the other family", "[tracker][mapping]") {
  const Directory directory;
  const Mapping::Place place = directory.place();
  { Table(place, kKeySizeV6).add(1); }
  const Survivors survivors(place, kNow);
  CHECK(survivors.remarks().empty());
  int v4 = 0, v6 = 0;
  survivors.each(Family::v4, [&](auto, const Connection&) { ++v4; });
  survivors.each(Family::v6, [&](std::span<const std::uint64_t> key, const Connection&) {
    CHECK(std::equal(key.begin(), key.end(), key_of(1).begin()));
    ++v6;
  });
  CHECK(v4 == 0);
  CHECK(v6 == 1);
}
