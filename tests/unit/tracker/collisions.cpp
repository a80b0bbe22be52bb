// SPDX-License-Identifier: BSD-3-Clause
// Tuples chosen to collide under the hashes that hardware and DPDK use spread as random ones do.
#include <rte_hash_crc.h>
#include <rte_thash.h>

#include <array>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "packet/packet.hpp"
#include "shard/owner.hpp"
#include "tracker/connection_table.hpp"

using namespace mitibox;

namespace {

/// Source, destination, ports; 4, 4 and 1 words for IPv6, else 1 each. Host byte order.
using Tuple = std::array<std::uint32_t, 9>;
using Weak = std::function<std::uint32_t(const Tuple&)>;

constexpr std::array<std::uint8_t, 40> kMicrosoft = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
constexpr std::array<std::uint8_t, 40> kSymmetric = [] {
  std::array<std::uint8_t, 40> key{};
  for (std::size_t i = 0; i < key.size(); i += 2) {
    key[i] = 0x6d;
    key[i + 1] = 0x5a;
  }
  return key;
}();

struct Shape {
  bool v6;
  std::size_t words;                              ///< of a tuple
  std::vector<std::pair<std::size_t, int>> bits;  ///< that the attacker chooses: word, bit
  int changes;                                    ///< to make tuples of
};

/// The source comes last: kernel vectors then differ in their sources.
Shape shape_of(bool v6) {
  Shape s{v6, v6 ? 9U : 3U, {}, v6 ? 18 : 20};
  const auto add = [&](std::size_t word, int from, int to) {
    for (int bit = from; bit < to; ++bit) s.bits.emplace_back(word, bit);
  };
  add(v6 ? 8 : 2, 16, 32);          // source port
  add(v6 ? 7 : 1, 0, v6 ? 16 : 8);  // a host of the protected prefix
  add(v6 ? 1 : 0, 0, 32);
  return s;
}

Tuple base_of(const Shape& s) {
  if (!s.v6) return {0x0a000000, 0xcb007100, 443};
  return {0x20010db8, 0, 0, 1, 0x20010db8, 0x10000, 0, 0, 443};
}

Address address_of(const Shape& s, const std::uint32_t* words) {
  if (!s.v6) return Address(be32(words[0]));
  std::array<be32, 4> wire;
  for (std::size_t i = 0; i < 4; ++i) wire[i] = be32(words[i]);
  return Address(std::bit_cast<std::array<std::uint8_t, 16>>(wire));
}

FlowKey key_of(const Shape& s, const Tuple& t) {
  const std::size_t address = s.v6 ? 4 : 1;
  const std::uint32_t ports = t[2 * address];
  return make_flow_key(
      s.v6 ? Family::v6 : Family::v4, protocol::kTcp,
      {address_of(s, t.data()), be16(static_cast<std::uint16_t>(ports >> 16U))},
      {address_of(s, t.data() + address), be16(static_cast<std::uint16_t>(ports))});
}

/// 2^20 tuples (IPv6: 2^18) of one value of `weak`, which is linear: a base and all sums of 20
/// changes that leave it alone.
std::vector<Tuple> colliding(const Shape& s, const Weak& weak) {
  const Tuple base = base_of(s);
  const std::uint32_t value = weak(base);
  std::array<std::pair<std::uint32_t, std::uint64_t>, 32> pivots{};  // effect, bits that have it
  std::vector<std::uint64_t> kernel;
  for (std::size_t j = 0; j < s.bits.size(); ++j) {
    Tuple changed = base;
    changed[s.bits[j].first] ^= 1U << s.bits[j].second;
    std::uint32_t effect = weak(changed) ^ value;
    std::uint64_t combination = 1ULL << j;
    while (effect != 0) {
      auto& pivot = pivots[static_cast<std::size_t>(std::countl_zero(effect))];
      if (pivot.first == 0) {
        pivot = {effect, combination};
        break;
      }
      effect ^= pivot.first;
      combination ^= pivot.second;
    }
    if (effect == 0) kernel.push_back(combination);
  }
  REQUIRE(std::ssize(kernel) >= s.changes);
  std::vector<Tuple> all{base};
  all.reserve(1U << s.changes);
  for (auto change = kernel.end() - s.changes; change != kernel.end(); ++change) {
    Tuple delta{};
    for (std::uint64_t left = *change; left != 0; left &= left - 1) {
      const auto& [word, bit] = s.bits[static_cast<std::size_t>(std::countr_zero(left))];
      delta[word] ^= 1U << bit;
    }
    for (std::size_t i = 0, n = all.size(); i < n; ++i) {
      Tuple t = all[i];
      for (std::size_t w = 0; w < t.size(); ++w) t[w] ^= delta[w];
      all.push_back(t);
    }
  }
  for (std::size_t i = 0; i < all.size(); i += 61) REQUIRE(weak(all[i]) == value);
  return all;
}

/// How far the counts are from even, in standard deviations of what chance does.
double excess(const std::vector<std::uint32_t>& counts) {
  double total = 0, sum = 0;
  for (const std::uint32_t n : counts) total += n;
  const double expected = total / static_cast<double>(counts.size());
  for (const std::uint32_t n : counts) sum += (n - expected) * (n - expected) / expected;
  const auto freedom = static_cast<double>(counts.size() - 1);
  return (sum - freedom) / std::sqrt(2 * freedom);
}

}  // namespace

TEST_CASE("collisions cannot be aimed at buckets or workers", "[tracker][collisions]") {
  const Shape s = shape_of(GENERATE(false, true));
  const auto toeplitz = [&](const std::array<std::uint8_t, 40>& key) -> Weak {
    return [&](const Tuple& t) {
      Tuple input = t;
      return rte_softrss(input.data(), static_cast<std::uint32_t>(s.words), key.data());
    };
  };
  const Weak crc = [&](const Tuple& t) {
    const FlowKey key = key_of(s, t);
    return rte_hash_crc(key.words.data(), s.v6 ? kKeySizeV6 : kKeySizeV4, 0xffffffffU);
  };
  std::vector<Tuple> tuples;
  const int how = GENERATE(0, 1, 2, 3);
  CAPTURE(s.v6, how);
  if (how == 0) tuples = colliding(s, crc);
  if (how == 1) tuples = colliding(s, toeplitz(kMicrosoft));
  if (how == 2) tuples = colliding(s, toeplitz(kSymmetric));
  if (how == 3) {  // what the bound means
    std::mt19937 random(1);
    tuples.assign(std::size_t{1} << s.changes, base_of(s));
    for (Tuple& t : tuples)
      for (const auto& [word, bit] : s.bits)
        t[word] ^= static_cast<std::uint32_t>(random() & 1U) << bit;
  }
  constexpr double kMost = 5;

  const ConnectionTable table("collisions", s.v6 ? kKeySizeV6 : kKeySizeV4, {64, 1, 1}, {7, 8});
  FlowIndex index({"collisions", "tables.connections"}, 1U << s.changes);
  std::vector<std::uint32_t> buckets(index.homes());
  std::uint32_t position = 0;
  bool room = true;
  for (const Tuple& t : tuples) {
    const FlowKey key = key_of(s, t);
    const std::uint32_t hash = table.hash(key.words.data());
    ++buckets[index.home(hash)];
    room = index.insert(hash, position++) && room;
  }
  CHECK(std::abs(excess(buckets)) < kMost);
  CHECK(room);

  const Policy policy;
  for (const unsigned workers : {2U, 12U}) {
    const Owner owner(policy, Secrets::derive({9, 10}), workers);
    std::vector<std::uint32_t> shares(workers);
    for (const Tuple& t : tuples) ++shares[owner.of(address_of(s, t.data()))];
    CAPTURE(workers);
    // One of two is always within half a deviation below, and chance has a long tail above.
    CHECK(excess(shares) < kMost + 10);
  }
}
