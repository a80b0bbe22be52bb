// SPDX-License-Identifier: BSD-3-Clause
#include "port/steering.hpp"

#include <rte_thash.h>

#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>

using namespace mitibox;

namespace {

/// Toeplitz as DPDK computes it.
std::uint32_t softrss(std::span<const std::uint8_t> input, const std::vector<std::uint8_t>& key) {
  std::vector<std::uint32_t> words;
  for (std::size_t i = 0; i < input.size(); i += 4)
    words.push_back(std::uint32_t{input[i]} << 24U | std::uint32_t{input[i + 1]} << 16U |
                    std::uint32_t{input[i + 2]} << 8U | std::uint32_t{input[i + 3]});
  return rte_softrss(words.data(), static_cast<std::uint32_t>(words.size()), key.data());
}

std::span<const std::uint8_t> v4_bytes(const Address& a) {
  return std::span(a.bytes).subspan(12);
}

Address random_address(std::mt19937_64& random, bool v4) {
  if (v4) return Address(be32(static_cast<std::uint32_t>(random())));
  Address a = parse_address("2001:db8::").value();
  for (std::size_t i = 4; i < a.bytes.size(); ++i) a.bytes[i] = static_cast<std::uint8_t>(random());
  return a;
}

Steering steering(std::uint64_t random, std::size_t key, std::vector<std::uint16_t> reta) {
  return {true, steering_key(steering_word(random), key), std::move(reta), 64};
}

}  // namespace

TEST_CASE("steering: DPDK's Toeplitz gives the published values", "[steering]") {
  // "Verifying the RSS hash calculation", Microsoft: addresses only.
  const std::vector<std::uint8_t> key{0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                      0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                      0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                      0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
  const std::vector<std::uint8_t> pair{66, 9, 149, 187, 161, 142, 100, 80};
  CHECK(softrss(pair, key) == 0x323e8fc2);
}

TEST_CASE("steering: software hashes as a NIC does", "[steering]") {
  const std::size_t size = GENERATE(40U, 52U);
  std::mt19937_64 random(size);
  for (int n = 0; n < 50; ++n) {
    const Steering s = steering(random(), size, {0, 1});
    const SteeringTable table(s);
    for (int i = 0; i < 100; ++i) {
      const Address v4 = random_address(random, true);
      const Address v6 = random_address(random, false);
      REQUIRE(table.hash(v4) == softrss(v4_bytes(v4), s.key));
      REQUIRE(table.hash(v6) == softrss(std::span(v6.bytes).first(8), s.key));
      // A shorter prefix: the rest is left out, or zero.
      Steering shorter = s;
      shorter.v6_prefix = 32U + 8U * static_cast<unsigned>(i % 4);
      std::vector<std::uint8_t> cut(v6.bytes.begin(), v6.bytes.begin() + 8);
      std::fill(cut.begin() + shorter.v6_prefix / 8, cut.end(), std::uint8_t{0});
      REQUIRE(SteeringTable(shorter).hash(v6) == softrss(cut, s.key));
      // A NIC that leaves the source's place empty for a destination, or hashes both.
      std::vector<std::uint8_t> input(4);
      const auto bytes = v4_bytes(v4);
      input.insert(input.end(), bytes.begin(), bytes.end());
      REQUIRE(table.hash(v4) == softrss(input, s.key));
      const Address peer = random_address(random, true);
      const auto other = v4_bytes(peer);
      input.assign(bytes.begin(), bytes.end());
      input.insert(input.end(), other.begin(), other.end());
      std::vector<std::uint8_t> back(other.begin(), other.end());
      back.insert(back.end(), bytes.begin(), bytes.end());
      REQUIRE(softrss(input, s.key) == softrss(back, s.key));
    }
  }
}

TEST_CASE("steering: the table turns hashes into queues", "[steering]") {
  std::vector<std::uint16_t> reta(128);
  for (std::size_t i = 0; i < reta.size(); ++i) reta[i] = static_cast<std::uint16_t>(i % 3);
  const Steering s = steering(7, 40, reta);
  const SteeringTable table(s);
  std::mt19937_64 random(1);
  std::array<int, 3> count{};
  for (int i = 0; i < 30'000; ++i) {
    const Address a = random_address(random, i % 2 == 0);
    REQUIRE(table.queue(a) == reta[table.hash(a) % 128]);
    ++count.at(table.queue(a));
  }
  for (const int n : count) CHECK(n == Approx(10'000).epsilon(0.05));
  // All hosts of one prefix go one way.
  CHECK(table.hash(parse_address("2001:db8:1:2::3").value()) ==
        table.hash(parse_address("2001:db8:1:2:ffff::").value()));
}

TEST_CASE("steering: neighbouring addresses spread, whatever the key", "[steering]") {
  std::mt19937_64 random(2);
  std::vector<std::uint16_t> reta(128);
  for (std::size_t i = 0; i < reta.size(); ++i) reta[i] = static_cast<std::uint16_t>(i % 4);
  int uneven = 0;
  for (int n = 0; n < 200; ++n) {
    const SteeringTable table(steering(random(), 40, reta));
    std::array<int, 4> count{};
    for (std::uint32_t i = 0; i < 256; ++i) ++count.at(table.queue(Address(be32(0xc6336400U + i))));
    // Linear: a /24 reaches all queues alike, or leaves some out entirely.
    if (count != std::array<int, 4>{64, 64, 64, 64}) ++uneven;
  }
  CHECK(uneven < 20);
}

TEST_CASE("steering: words are odd, neither thin nor thick, and all different", "[steering]") {
  std::set<std::uint32_t> words;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::uint32_t word = steering_word(i);
    CHECK(std::popcount(word) % 2 == 1);
    CHECK(std::popcount(word) >= 11);
    CHECK(std::popcount(word) <= 21);
    words.insert(word);
  }
  CHECK(words.size() >= 999);
}

TEST_CASE("steering: only what is told alike is covered", "[steering]") {
  const Address v4 = parse_address("198.51.100.7").value();
  const Address v6 = parse_address("2001:db8::7").value();
  Steering s = steering(7, 40, {0, 1});
  CHECK(SteeringTable(s).covers(v6));
  s.v6_prefix = 0;
  CHECK(SteeringTable(s).covers(v4));
  CHECK_FALSE(SteeringTable(s).covers(v6));
  CHECK_FALSE(SteeringTable({}).covers(v4));
  s.reta.push_back(0);
  CHECK_THROWS_AS(SteeringTable(s), std::invalid_argument);
  s.reta = {0, 1};
  s.key[7] ^= 1;
  CHECK_THROWS_AS(SteeringTable(s), std::invalid_argument);
}
