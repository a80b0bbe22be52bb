// SPDX-License-Identifier: BSD-3-Clause
/// Internet checksums (RFC 1071, RFC 1624), in one pass of 64-bit loads.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "packet/wire.hpp"

namespace mitibox {

namespace detail {

template <typename T>
inline std::uint64_t load(const std::uint8_t* at) {
  T word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// As sum_bytes, for many: compilers turn the inner loop into vectors of words.
inline std::uint64_t sum_blocks(const std::uint8_t* at, std::size_t blocks) {
  std::array<std::uint64_t, 16> lanes{};
  for (; blocks > 0; --blocks, at += 64)
    for (std::size_t i = 0; i < 16; ++i) lanes[i] += load<std::uint32_t>(at + 4 * i);
  std::uint64_t sum = 0;
  for (const std::uint64_t lane : lanes) sum += lane;
  return sum;
}

}  // namespace detail

/// Ones-complement addition of 64-bit words; fold() takes the sum.
constexpr std::uint64_t add_words(std::uint64_t a, std::uint64_t b) {
  a += b;
  return a + (a < b ? 1U : 0U);
}

/// Ones-complement sum of any bytes, in the byte order of memory; fold() makes 16 bits of it.
/// Below 2^40, so that sums add up; an odd length counts as padded with a zero byte.
inline std::uint64_t sum_bytes(const std::uint8_t* at, std::size_t length) {
  std::uint64_t sum = 0;
  if (length >= 128) {
    const std::uint64_t blocks = detail::sum_blocks(at, length / 64);
    at += length / 64 * 64;
    length %= 64;
    sum = blocks;
  }
  for (; length >= 8; at += 8, length -= 8) sum = add_words(sum, detail::load<std::uint64_t>(at));
  if (length >= 4) {
    sum = add_words(sum, detail::load<std::uint32_t>(at));
    at += 4;
    length -= 4;
  }
  if (length >= 2) {
    sum = add_words(sum, detail::load<std::uint16_t>(at));
    at += 2;
    length -= 2;
  }
  if (length != 0) sum = add_words(sum, *at);
  return (sum & 0xffffffffU) + (sum >> 32U);
}

/// To 16 bits, not complemented. 0xffff for a sum that includes its own right checksum.
constexpr std::uint16_t fold(std::uint64_t sum) {
  // The upper half of x + (x rotated by half) is the sum of both halves, carry and all.
  sum += std::rotl(sum, 32);
  auto half = static_cast<std::uint32_t>(sum >> 32U);
  half += std::rotl(half, 16);
  return static_cast<std::uint16_t>(half >> 16U);
}

/// The checksum field for a sum taken with that field zero.
constexpr be16 checksum_of(std::uint64_t sum) {
  return be16::from_raw(static_cast<std::uint16_t>(~fold(sum)));
}

/// Pseudo headers (RFC 793 3.1, RFC 8200 8.1). `length`: of the upper layer, in bytes.
inline std::uint64_t pseudo_sum(const Ipv4Header& ip, std::uint8_t protocol, std::uint32_t length) {
  return std::uint64_t{ip.source.raw()} + ip.destination.raw() + be16(protocol).raw() +
         be16(static_cast<std::uint16_t>(length)).raw();
}
inline std::uint64_t pseudo_sum(const Ipv6Header& ip, std::uint8_t protocol, std::uint32_t length) {
  return sum_bytes(ip.source.data(), 32) + be32(length).raw() + be32(protocol).raw();
}

/// RFC 1624 equation 3: `checksum` after the 16-bit word `before` was replaced by `after`.
constexpr be16 adjust(be16 checksum, be16 before, be16 after) {
  const std::uint32_t sum = static_cast<std::uint16_t>(~checksum.raw()) +
                            std::uint32_t{static_cast<std::uint16_t>(~before.raw())} + after.raw();
  return be16::from_raw(static_cast<std::uint16_t>(~fold(sum)));
}

}  // namespace mitibox
