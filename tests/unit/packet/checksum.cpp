// SPDX-License-Identifier: BSD-3-Clause
#include "packet/checksum.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "probe_frames.hpp"

using namespace mitibox;
using test::Bytes;
using test::plain_checksum;

namespace {

std::uint16_t checksum(const Bytes& b) {
  return checksum_of(sum_bytes(b.data(), b.size())).host();
}

}  // namespace

TEST_CASE("The example of RFC 1071 section 3") {
  const Bytes b{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  CHECK(checksum(b) == static_cast<std::uint16_t>(~0xddf2U));
}

TEST_CASE("Every length gives what the plain sum gives, at any alignment") {
  std::mt19937 random(1);
  Bytes big(9001);
  for (auto& b : big) b = static_cast<std::uint8_t>(random());
  for (std::size_t length = 0; length <= 200; ++length)
    for (const std::size_t offset : {0U, 1U, 3U, 7U}) {
      const auto from = big.begin() + static_cast<std::ptrdiff_t>(offset);
      const Bytes b(from, from + static_cast<std::ptrdiff_t>(length));
      REQUIRE(checksum_of(sum_bytes(big.data() + offset, length)).host() == plain_checksum(b));
    }
  REQUIRE(checksum(big) == plain_checksum(big));
}

TEST_CASE("All ones and all zeros do not overflow, up to the longest packet") {
  for (const std::size_t length : {1U, 2U, 15U, 16U, 1499U, 1500U, 65534U, 65535U}) {
    const Bytes ones(length, 0xff);
    CHECK(checksum(ones) == plain_checksum(ones));
    CHECK(checksum(Bytes(length, 0)) == 0xffff);
  }
}

TEST_CASE("Sums of parts add up when the parts are even") {
  std::mt19937 random(2);
  Bytes b(301);
  for (auto& x : b) x = static_cast<std::uint8_t>(random());
  for (const std::size_t cut : {2U, 8U, 40U, 300U}) {
    const std::uint64_t sum = sum_bytes(b.data(), cut) + sum_bytes(b.data() + cut, b.size() - cut);
    CHECK(checksum_of(sum).host() == plain_checksum(b));
  }
}

TEST_CASE("Fold keeps the ones-complement sum of any 64-bit sum") {
  CHECK(fold(0) == 0);
  CHECK(fold(0xffff) == 0xffff);
  CHECK(fold(0x10000) == 1);
  CHECK(fold(0xffffffffffffffffU) == 0xffff);
  std::mt19937_64 random(3);
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t sum = random();
    const std::uint64_t expected = sum % 0xffffU;
    REQUIRE(fold(sum) % 0xffffU == expected);
  }
}

TEST_CASE("RFC 1624: an adjusted checksum is the recomputed one") {
  std::mt19937 random(4);
  Bytes b(20);
  for (auto& x : b) x = static_cast<std::uint8_t>(random());
  for (int i = 0; i < 20000; ++i) {
    const be16 before_checksum(plain_checksum(b));
    const be16 before(static_cast<std::uint16_t>(b[4] << 8U | b[5]));
    const be16 after(static_cast<std::uint16_t>(i % 7 == 0 ? (i % 2 ? 0xffff : 0) : random()));
    b[4] = static_cast<std::uint8_t>(after.host() >> 8U);
    b[5] = static_cast<std::uint8_t>(after.host());
    REQUIRE(adjust(before_checksum, before, after).host() == plain_checksum(b));
  }
}

TEST_CASE("RFC 1624 section 4: equation 3 gives +0 where equation 2 would give -0") {
  const be16 adjusted = adjust(be16(0xdd2f), be16(0x5555), be16(0x3285));
  CHECK(adjusted.host() == 0x0000);
  // No change leaves a checksum alone, both zeros too.
  for (const unsigned c : {0x0000U, 0x0001U, 0x8000U, 0xfffeU})
    CHECK(adjust(be16(static_cast<std::uint16_t>(c)), be16(0xabcd), be16(0xabcd)).host() == c);
}

TEST_CASE("Pseudo headers count addresses, protocol and length") {
  Ipv4Header v4{};
  v4.source = be32(0xc6336407);
  v4.destination = be32(0xcb00710a);
  const Bytes plain4{0xc6, 0x33, 0x64, 0x07, 0xcb, 0x00, 0x71, 0x0a, 0, 6, 0x05, 0xb4};
  CHECK(checksum_of(pseudo_sum(v4, 6, 1460)).host() == plain_checksum(plain4));

  Ipv6Header v6{};
  Bytes plain6(40);
  for (std::uint8_t i = 0; i < 16; ++i) {
    v6.source[i] = plain6[i] = static_cast<std::uint8_t>(0xf0 + i);
    v6.destination[i] = plain6[16U + i] = static_cast<std::uint8_t>(i * 7);
  }
  // 100000 and 58 behind the addresses.
  plain6[33] = 0x01;
  plain6[34] = 0x86;
  plain6[35] = 0xa0;
  plain6[39] = 58;
  CHECK(checksum_of(pseudo_sum(v6, 58, 100000)).host() == plain_checksum(plain6));
}
