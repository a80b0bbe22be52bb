// SPDX-License-Identifier: BSD-3-Clause
#include "tracker/connection_table.hpp"

#include <random>

#include "../micro.hpp"

using namespace mitibox;
using namespace mitibox::bench;

namespace {

using Key = std::array<std::uint64_t, 2>;
constexpr std::size_t kProbes = 1U << 16U;  ///< keys that are looked up, in random order

Key key_of(std::uint64_t number) {
  const Flow f = flow(number, Family::v4, protocol::kTcp);
  const FlowKey key = make_flow_key(f.family, f.protocol, {f.outside, be16(f.outside_port)},
                                    {f.inside, be16(f.inside_port)});
  return {key.words[0], key.words[1]};
}

/// What Tracker::lookup does with the keys of a burst.
struct Lookup {
  std::array<std::array<std::uint64_t, kBurst>, 2> columns;
  std::array<const void*, kBurst> keys;
  std::array<std::uint32_t, kBurst> hashes;
  std::array<std::int32_t, kBurst> positions;

  void run(const ConnectionTable& table, const Key* at) {
    for (std::size_t i = 0; i < kBurst; ++i) {
      columns[0][i] = at[i][0];
      columns[1][i] = at[i][1];
      keys[i] = &at[i];
    }
    table.hash(columns, kBurst, hashes);
    table.find(keys, hashes.data(), positions.data());
  }
};

void measure(std::uint32_t connections, const std::string& name) {
  ConnectionTable table("micro " + name, kKeySizeV4, {2 * connections, connections, connections},
                        {1, 2});
  std::mt19937_64 random(1);
  std::vector<Key> known;
  std::vector<Key> unknown;
  for (std::uint64_t i = 0; i < connections; ++i) {
    const Key key = key_of(i);
    table.insert(key.data(), table.hash(key.data()), Stage::settled);
  }
  REQUIRE(table.size() == connections);
  for (std::size_t i = 0; i < kProbes; ++i) {
    known.push_back(key_of(random() % connections));
    unknown.push_back(key_of(connections + i));
  }
  const auto burst = [](const std::vector<Key>& keys, int i) {
    return &keys[static_cast<std::size_t>(i) * kBurst % kProbes];
  };
  Lookup lookup{};
  lookup.run(table, burst(known, 0));
  for (const std::int32_t p : lookup.positions) REQUIRE(p >= 0);
  lookup.run(table, burst(unknown, 0));
  for (const std::int32_t p : lookup.positions) REQUIRE(p < 0);

  BENCHMARK(name + " look-up, known x32", i) {
    lookup.run(table, burst(known, i));
    return lookup.positions[0];
  };
  BENCHMARK(name + " look-up, unknown x32", i) {
    lookup.run(table, burst(unknown, i));
    return lookup.positions[0];
  };
  BENCHMARK(name + " insertion and removal", i) {
    const Key& key = unknown[static_cast<std::size_t>(i) % kProbes];
    table.erase(table.insert(key.data(), table.hash(key.data()), Stage::half_open));
  };
}

}  // namespace

TEST_CASE("Connection table") {
  measure(10'000, "10k");
  measure(1'000'000, "1M");
}
