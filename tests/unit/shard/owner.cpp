// SPDX-License-Identifier: BSD-3-Clause
#include "shard/owner.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace mitibox;

TEST_CASE("A burst of sources is owned as each of them alone, and by all workers alike") {
  const Policy policy;
  const Owner owner(policy, Secrets::derive({1, 2}), 3);
  std::vector<Address> sources;
  for (std::uint32_t i = 0; i < kBurst; ++i) {
    if (i % 3 == 0)
      sources.push_back(parse_address("2001:db8:" + std::to_string(i) + "::1").value());
    else
      sources.emplace_back(be32(0xc6336400U + i));
  }
  const std::size_t count = GENERATE(as<std::size_t>{}, 0, 1, 7, 8, 9, 31, kBurst);
  std::vector<unsigned> owners(count);
  owner.of(std::span(sources).first(count), owners);
  std::array<unsigned, 3> each{};
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(owners[i] == owner.of(sources[i]));
    ++each.at(owners[i]);
  }
  if (count == kBurst)
    for (const unsigned n : each) CHECK(n > 0);
}
