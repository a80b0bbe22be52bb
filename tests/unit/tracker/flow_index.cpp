// SPDX-License-Identifier: BSD-3-Clause
// The index against a plain list, with hashes that meet, and when its buckets run out.
#include "tracker/flow_index.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <utility>
#include <vector>

using namespace mitibox;

namespace {

using Entry = std::pair<std::uint32_t, std::uint32_t>;  // hash, position

bool holds(const FlowIndex& index, const Entry& e) {
  const auto wanted = static_cast<std::int32_t>(e.second);
  return index.find(e.first, [&](std::int32_t at) { return at == wanted; }) == wanted;
}

}  // namespace

TEST_CASE("flow index: finds what is in it, and only that", "[tracker][index]") {
  constexpr std::uint32_t kCapacity = 1000;
  // From hashes that nearly all meet to hashes that nearly never do.
  const std::uint32_t bits = GENERATE(4U, 8U, 12U, 20U, 32U);
  FlowIndex index({"index" + std::to_string(bits), "tables.connections"}, kCapacity);
  std::mt19937 random(bits);
  std::vector<Entry> in;
  std::vector<std::uint32_t> free(kCapacity);
  for (std::uint32_t i = 0; i < kCapacity; ++i) free[i] = i;
  for (int step = 0; step < 20000; ++step) {
    const bool grow = step % 4000 < 2500;
    if (random() % 4 == 0 ? !grow : grow) {
      if (free.empty()) continue;
      const std::uint32_t hash = static_cast<std::uint32_t>(random()) << (32 - bits);
      if (!index.insert(hash, free.back())) {
        CHECK(bits < 9);  // nobody can aim so many at one bucket
        continue;
      }
      in.emplace_back(hash, free.back());
      free.pop_back();
    } else if (!in.empty()) {
      std::swap(in[random() % in.size()], in.back());
      index.erase(in.back().first, in.back().second);
      REQUIRE_FALSE(holds(index, in.back()));
      free.push_back(in.back().second);
      in.pop_back();
    }
    if (step % 500 == 0)
      REQUIRE(std::all_of(in.begin(), in.end(), [&](const Entry& e) { return holds(index, e); }));
  }
  while (!in.empty()) {
    index.erase(in.back().first, in.back().second);
    in.pop_back();
    if (in.size() % 100 == 0)
      REQUIRE(std::all_of(in.begin(), in.end(), [&](const Entry& e) { return holds(index, e); }));
  }
}

TEST_CASE("flow index: a bucket that cannot grow refuses, and loses nothing", "[tracker][index]") {
  FlowIndex index({"index full", "tables.connections"}, 64);
  std::uint32_t n = 0;
  while (index.insert(7, n)) ++n;
  CHECK(n > 64);
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < n; ++i) REQUIRE(holds(index, {7, i}));
    for (std::uint32_t i = 0; i < n; i += 2) index.erase(7, i);
    for (std::uint32_t i = 0; i < n; ++i) REQUIRE(holds(index, {7, i}) == (i % 2 == 1));
    for (std::uint32_t i = 0; i < n; i += 2) REQUIRE(index.insert(7, i));
    CHECK_FALSE(index.insert(7, n));
  }
}

TEST_CASE("flow index: random hashes fill it at every size", "[tracker][index]") {
  std::mt19937 random(1);
  for (std::uint32_t capacity = 8; capacity < 300'000; capacity = capacity * 5 / 3 + 1) {
    FlowIndex index({"index fill", "tables.connections"}, capacity);
    for (std::uint32_t i = 0; i < capacity; ++i)
      REQUIRE(index.insert(static_cast<std::uint32_t>(random()), i));
  }
}
