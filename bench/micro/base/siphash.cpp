// SPDX-License-Identifier: BSD-3-Clause
#include "base/siphash.hpp"

#include "../micro.hpp"

using namespace mitibox;

namespace {

/// SipHash-1-3 of 32 messages, as the tables and the coin take it.
template <std::size_t Words>
void measure(const std::string& name) {
  const Key128 key{1, 2};
  std::array<std::array<std::uint64_t, kBurst>, Words> columns;
  for (std::size_t w = 0; w < Words; ++w)
    for (std::size_t i = 0; i < kBurst; ++i) columns[w][i] = 0x9e3779b97f4a7c15U * (w * kBurst + i);
  std::array<std::uint64_t, kBurst> hashes{};

  BENCHMARK(name + " one by one x32") {
    Catch::Benchmark::keep_memory(&columns);
    for (std::size_t i = 0; i < kBurst; ++i) {
      std::array<std::uint64_t, Words> words;
      for (std::size_t w = 0; w < Words; ++w) words[w] = columns[w][i];
      hashes[i] = siphash13(key, words);
      Catch::Benchmark::keep_memory(&hashes[i]);  // else the compiler makes vectors of them
    }
  };
  BENCHMARK(name + " in vectors x32") {
    Catch::Benchmark::keep_memory(&columns);
    siphash_columns<1, 3>(key, columns, kBurst, hashes);
    Catch::Benchmark::keep_memory(&hashes);
  };
}

}  // namespace

TEST_CASE("Keyed hash") {
  measure<2>("IPv4 flow");
  measure<5>("IPv6 flow");
}
