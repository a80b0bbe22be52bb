// SPDX-License-Identifier: BSD-3-Clause
#include "shard/owner.hpp"

#include <catch2/catch.hpp>
#include <set>
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

TEST_CASE("One worker owns whatever Trust counts together") {
  Policy policy;
  const auto owners = [&](bool v4, unsigned bits) {
    const Owner owner(policy, Secrets::derive({1, 2}), 5);
    std::set<unsigned> all;
    for (unsigned i = 0; i < 64; ++i) {
      // Differ in the bits behind the length alone.
      Address a = parse_address(v4 ? "198.51.100.0" : "2001:db8:5::").value();
      const std::size_t byte = (v4 ? 96 + bits : bits) / 8;
      a.bytes.at(byte) = static_cast<std::uint8_t>(a.bytes[byte] + i);
      all.insert(owner.of(a));
    }
    return all.size();
  };
  CHECK(owners(false, 48) == 1);
  CHECK(owners(false, 40) == 5);
  CHECK(owners(true, 24) == 5);
  policy.trust.escalate.ipv4 = {28, 24};
  CHECK(owners(true, 24) == 1);
  CHECK(owners(true, 16) == 5);
  policy.trust.escalate.ipv6.clear();
  CHECK(owners(false, 48) == 5);
  CHECK(owners(false, 64) == 1);
  policy.trust.ipv6_prefix = 40;
  policy.trust.escalate.ipv6 = {56, 48};
  CHECK(owners(false, 40) == 1);
}

TEST_CASE("Where the NIC spreads by what one worker owns, packets are owned where they arrive") {
  struct Row {
    unsigned owned;  ///< of IPv6
    unsigned steered;
    bool follows;
  };
  for (const Row& row : {Row{48, 48, true}, Row{64, 64, true}, Row{48, 64, false}}) {
    Policy policy;
    if (row.owned == 64) policy.trust.escalate.ipv6.clear();
    Steering s{true, steering_key(steering_word(7), 40), {0, 1, 2, 3, 4, 5, 6, 7}, row.steered};
    const Owner owner(policy, Secrets::derive({1, 2}), 8, s);
    const SteeringTable table(s);
    unsigned same = 0;
    for (unsigned i = 0; i < 200; ++i) {
      Address a = parse_address("2001:db8::7").value();
      a.bytes[5] = static_cast<std::uint8_t>(i);
      a.bytes[7] = static_cast<std::uint8_t>(i * 7);
      same += owner.of(a) == table.queue(a) ? 1U : 0U;
    }
    CHECK((same == 200) == row.follows);
  }
}
