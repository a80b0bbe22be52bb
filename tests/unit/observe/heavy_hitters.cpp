// SPDX-License-Identifier: BSD-3-Clause
#include "observe/heavy_hitters.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "observe/load.hpp"

using namespace mitibox;

namespace {

HeavyHitters fresh(std::uint64_t key = 1) {
  static int number = 0;
  return {{key, 2}, "hitters" + std::to_string(number++)};
}

HeavyHitters::Item source(std::uint32_t i) {
  return {Address(be32(i))};
}

const HeavyHitters::Row* find(const HeavyHitters& h, const HeavyHitters::Item& item) {
  for (const auto& row : h.rows())
    if (row.count != 0 && row.item == item) return &row;
  return nullptr;
}

Now at(std::chrono::seconds s) {
  return Now(Time(s) + std::chrono::hours(1));
}

constexpr auto kStart = std::chrono::seconds(0);

}  // namespace

TEST_CASE("heavy hitters: a few are counted exactly", "[observe]") {
  HeavyHitters h = fresh();
  for (std::uint32_t round = 0; round < 10; ++round)
    for (std::uint32_t i = 0; i <= round; ++i) h.add(source(i), 1, at(std::chrono::seconds(round)));
  for (std::uint32_t i = 0; i < 10; ++i) {
    const auto* row = find(h, source(i));
    REQUIRE(row != nullptr);
    CHECK(row->count == 10 - i);
    CHECK(row->missed == 0);
    CHECK(row->since == at(std::chrono::seconds(i)).time);
    CHECK(row->last == at(std::chrono::seconds(9)).time);
  }
  CHECK(std::count_if(h.rows().begin(), h.rows().end(), [](auto& r) { return r.count != 0; }) ==
        10);
}

TEST_CASE("heavy hitters: port and protocol make another item", "[observe]") {
  HeavyHitters h = fresh();
  const Address a(be32(7));
  h.add({a, 22, 6}, 1, at(kStart));
  h.add({a, 22, 17}, 2, at(kStart));
  h.add({a, 23, 6}, 64, at(kStart));
  CHECK(find(h, {a, 22, 6})->count == 1);
  CHECK(find(h, {a, 22, 17})->count == 2);
  CHECK(find(h, {a, 23, 6})->count == 64);
  CHECK(find(h, {a}) == nullptr);
}

TEST_CASE("heavy hitters: a million that come once hide nobody who comes often", "[observe]") {
  HeavyHitters h = fresh();
  // Each of ten comes once in a thousand.
  std::uint32_t stranger = 0x0b000000;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    h.add(source(++stranger), 1, at(kStart));
    if (i % 100 == 0) h.add(source(i / 100 % 10), 1, at(kStart));
  }
  for (std::uint32_t i = 0; i < 10; ++i) {
    const auto* row = find(h, source(i));
    CAPTURE(i);
    REQUIRE(row != nullptr);
    CHECK(row->count > 500);
    CHECK(row->count <= 1000);
  }
}

TEST_CASE("heavy hitters: who was not seen for long gives way", "[observe]") {
  HeavyHitters h = fresh();
  for (std::uint32_t i = 0; i < 8 * HeavyHitters::kRows; ++i) h.add(source(i), 1000, at(kStart));
  const Now later(at(kStart).time + HeavyHitters::kStale + Time(1));
  h.add(source(1U << 24U), 1, later);
  const auto* row = find(h, source(1U << 24U));
  REQUIRE(row != nullptr);
  CHECK(row->count == 1);
  CHECK(row->missed == 0);
}

TEST_CASE("heavy hitters: where an item lies depends on the key", "[observe]") {
  HeavyHitters a = fresh(1);
  HeavyHitters b = fresh(2);
  std::size_t same = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    a.add(source(i), 1, at(kStart));
    b.add(source(i), 1, at(kStart));
    const auto in_a = find(a, source(i)) - a.rows().data();
    const auto in_b = find(b, source(i)) - b.rows().data();
    same += in_a / 8 == in_b / 8 ? 1 : 0;
  }
  CHECK(same < 10);
}

TEST_CASE("sampler: all of few, and as much of many", "[observe]") {
  Sampler sampler(42);
  std::uint64_t sum = 0;
  const auto count = [&](std::uint32_t, std::uint32_t weight) { sum += weight; };
  for (std::uint32_t i = 0; i < Sampler::kAll; ++i) sampler.take(1, at(kStart), count);
  CHECK(sum == Sampler::kAll);

  std::uint64_t visits = 0;
  sum = 0;
  constexpr std::uint32_t kBursts = 100'000;
  for (std::uint32_t i = 0; i < kBursts; ++i)
    sampler.take(32, at(kStart), [&](std::uint32_t which, std::uint32_t weight) {
      CHECK(which < 32);
      sum += weight;
      ++visits;
    });
  CHECK(visits < kBursts * 32 / (Sampler::kEvery - 6));
  CHECK(static_cast<double>(sum) == Approx(kBursts * 32).epsilon(0.02));

  // The next second begins anew.
  sum = 0;
  sampler.take(32, at(std::chrono::seconds(1)), count);
  CHECK(sum == 32);
}

TEST_CASE("load: polls by how long they took", "[observe]") {
  Load load;
  load.polled(false, Time(100));
  CHECK(load.polls.get() == 1);
  CHECK(load.busy_polls.get() == 0);
  for (const std::uint64_t ns : {0ULL, 255ULL, 256ULL, 511ULL, 512ULL, 1ULL << 62U})
    load.polled(true, Time(static_cast<std::int64_t>(ns)));
  CHECK(load.polls.get() == 7);
  CHECK(load.busy_polls.get() == 6);
  CHECK(load.buckets[0].get() == 2);
  CHECK(load.buckets[1].get() == 2);
  CHECK(load.buckets[2].get() == 1);
  CHECK(load.buckets[Load::kBuckets - 1].get() == 1);
  for (std::size_t b = 0; b + 1 < Load::kBuckets; ++b) {
    CHECK(Load::bucket(Load::upper(b) - 1) == b);
    CHECK(Load::bucket(Load::upper(b)) == b + 1);
  }
}
