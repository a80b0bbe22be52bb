// SPDX-License-Identifier: BSD-3-Clause
/// SipHash (Aumasson, Bernstein, 2012): the keyed hash behind every table and coin an outsider
/// could otherwise steer.
#pragma once

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace mitibox {

/// 128 secret bits.
struct Key128 {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;

  friend constexpr bool operator==(const Key128&, const Key128&) = default;
};

namespace detail {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  constexpr explicit SipState(Key128 key)
      : v0(key.k0 ^ 0x736f6d6570736575U),
        v1(key.k1 ^ 0x646f72616e646f6dU),
        v2(key.k0 ^ 0x6c7967656e657261U),
        v3(key.k1 ^ 0x7465646279746573U) {}

  constexpr void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }

  template <int Rounds>
  constexpr void absorb(std::uint64_t m) {
    v3 ^= m;
    for (int i = 0; i < Rounds; ++i) round();
    v0 ^= m;
  }

  template <int Rounds>
  constexpr std::uint64_t finish() {
    v2 ^= 0xff;
    for (int i = 0; i < Rounds; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace detail

/// SipHash-C-D of whole 64-bit words (little-endian message of 8 * words.size() bytes).
template <int C, int D>
constexpr std::uint64_t siphash_words(Key128 key, std::span<const std::uint64_t> words) {
  detail::SipState s(key);
  for (const std::uint64_t w : words) s.absorb<C>(w);
  s.absorb<C>(static_cast<std::uint64_t>(words.size() * 8) << 56);
  return s.finish<D>();
}

/// SipHash-C-D of any bytes.
template <int C, int D>
inline std::uint64_t siphash_bytes(Key128 key, std::span<const std::uint8_t> bytes) {
  detail::SipState s(key);
  const std::size_t whole = bytes.size() / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) {
    std::uint64_t w = 0;
    std::memcpy(&w, bytes.data() + i, 8);
    s.absorb<C>(w);
  }
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
  for (std::size_t i = whole; i < bytes.size(); ++i)
    last |= static_cast<std::uint64_t>(bytes[i]) << (8 * (i - whole));
  s.absorb<C>(last);
  return s.finish<D>();
}

/// The fast variant, for table indexes and coins of which an outsider sees at most a bit each.
constexpr std::uint64_t siphash13(Key128 key, std::span<const std::uint64_t> words) {
  return siphash_words<1, 3>(key, words);
}

/// The conservative variant, for values that leave the box (cookies).
constexpr std::uint64_t siphash24(Key128 key, std::span<const std::uint64_t> words) {
  return siphash_words<2, 4>(key, words);
}

/// SipHash-C-D of many messages of `Words` words each, a column a word: lanes of one vector. Writes
/// `count` hashes; up to the next multiple of kSipLanes it clears the columns and fills the hashes.
inline constexpr std::size_t kSipLanes = 8;
template <int C, int D, std::size_t Words, std::size_t Most>
inline void siphash_columns(Key128 key, std::array<std::array<std::uint64_t, Most>, Words>& columns,
                            std::size_t count, std::array<std::uint64_t, Most>& out) {
  static_assert(Most % kSipLanes == 0);
  assert(count <= Most);
  using Lanes [[gnu::vector_size(8 * kSipLanes)]] = std::uint64_t;
  const auto rotate = [](Lanes& x, int by) { x = (x << by) | (x >> (64 - by)); };
  const auto fill = [](std::uint64_t x) { return Lanes{} + x; };
  const detail::SipState start(key);
  for (auto& column : columns)
    for (std::size_t i = count; i % kSipLanes != 0; ++i) column[i] = 0;
  for (std::size_t at = 0; at < count; at += kSipLanes) {
    Lanes v0 = fill(start.v0);
    Lanes v1 = fill(start.v1);
    Lanes v2 = fill(start.v2);
    Lanes v3 = fill(start.v3);
    const auto round = [&] {
      v0 += v1;
      v2 += v3;
      rotate(v1, 13);
      rotate(v3, 16);
      v1 ^= v0;
      v3 ^= v2;
      rotate(v0, 32);
      v2 += v1;
      v0 += v3;
      rotate(v1, 17);
      rotate(v3, 21);
      v1 ^= v2;
      v3 ^= v0;
      rotate(v2, 32);
    };
    for (const auto& column : columns) {
      Lanes m;
      std::memcpy(&m, &column[at], sizeof m);
      v3 ^= m;
      for (int i = 0; i < C; ++i) round();
      v0 ^= m;
    }
    const Lanes length = fill(std::uint64_t{Words * 8} << 56U);
    v3 ^= length;
    for (int i = 0; i < C; ++i) round();
    v0 ^= length;
    v2 ^= fill(0xff);
    for (int i = 0; i < D; ++i) round();
    const Lanes hash = v0 ^ v1 ^ v2 ^ v3;
    std::memcpy(&out[at], &hash, sizeof hash);
  }
}

template <typename... Words>
constexpr std::uint64_t siphash13_of(Key128 key, Words... words) {
  const std::array<std::uint64_t, sizeof...(Words)> w{static_cast<std::uint64_t>(words)...};
  return siphash13(key, w);
}

template <typename... Words>
constexpr std::uint64_t siphash24_of(Key128 key, Words... words) {
  const std::array<std::uint64_t, sizeof...(Words)> w{static_cast<std::uint64_t>(words)...};
  return siphash24(key, w);
}

}  // namespace mitibox
