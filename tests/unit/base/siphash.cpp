// SPDX-License-Identifier: BSD-3-Clause
#include "base/siphash.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "base/secrets.hpp"

using namespace mitibox;

TEST_CASE("SipHash-2-4 gives the reference vectors of its paper") {
  const Key128 key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  std::array<std::uint8_t, 64> message{};
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i);
  const auto hash = [&](std::size_t n) {
    return siphash_bytes<2, 4>(key, std::span(message).first(n));
  };
  CHECK(hash(0) == 0x726fdb47dd0e0e31U);
  CHECK(hash(1) == 0x74f839c593dc67fdU);
  CHECK(hash(8) == 0x93f5f5799a932462U);
  CHECK(hash(15) == 0xa129ca6149be45e5U);
  CHECK(hash(63) == 0x958a324ceb064572U);
}

TEST_CASE("Whole words and bytes hash alike") {
  const Key128 key{1, 2};
  const std::array<std::uint64_t, 2> words{0x0123456789abcdefU, 42};
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), words.data(), 16);
  CHECK(siphash24(key, words) == siphash_bytes<2, 4>(key, bytes));
}

TEST_CASE("Many messages in vectors hash as one by one, however many") {
  const Key128 key{0x0123456789abcdefU, 42};
  for (std::size_t count = 0; count <= 32; ++count) {
    CAPTURE(count);
    std::array<std::array<std::uint64_t, 32>, 3> columns;
    for (std::size_t w = 0; w < columns.size(); ++w)
      for (std::size_t i = 0; i < 32; ++i) columns[w][i] = 0x9e3779b97f4a7c15U * (w * 32 + i + 1);
    const auto before = columns;
    std::array<std::uint64_t, 32> fast;
    std::array<std::uint64_t, 32> slow;
    fast.fill(7);
    slow.fill(7);
    siphash_columns<1, 3>(key, columns, count, fast);
    siphash_columns<2, 4>(key, columns, count, slow);
    for (std::size_t i = 0; i < count; ++i) {
      const std::array<std::uint64_t, 3> words{before[0][i], before[1][i], before[2][i]};
      REQUIRE(fast[i] == siphash13(key, words));
      REQUIRE(slow[i] == siphash24(key, words));
    }
    // The rest of the last vector is scratch; behind it nothing changes.
    for (std::size_t i = (count + kSipLanes - 1) / kSipLanes * kSipLanes; i < 32; ++i) {
      REQUIRE(fast[i] == 7);
      REQUIRE(columns[0][i] == before[0][i]);
    }
  }
}

TEST_CASE("Secrets differ from each other and follow from the master key alone") {
  const Secrets a = Secrets::derive({1, 2});
  const Secrets b = Secrets::derive({1, 2});
  const Secrets c = Secrets::derive({1, 3});
  CHECK(a.cookie == b.cookie);
  CHECK(a.persona == b.persona);
  CHECK_FALSE(a.cookie == c.cookie);
  CHECK_FALSE(a.coin == a.table);
}

TEST_CASE("A key is 32 hexadecimal digits and nothing else") {
  CHECK(parse_key("000102030405060708090a0b0c0d0e0f") ==
        Key128{0x0001020304050607U, 0x08090a0b0c0d0e0fU});
  CHECK_FALSE(parse_key("00010203").has_value());
  CHECK_FALSE(parse_key("000102030405060708090a0b0c0d0e0g").has_value());
  CHECK_FALSE(parse_key("0x0102030405060708090a0b0c0d0e0f").has_value());
}
