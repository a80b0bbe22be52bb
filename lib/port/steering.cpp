// SPDX-License-Identifier: BSD-3-Clause
#include "port/steering.hpp"

#include <stdexcept>

namespace mitibox {

namespace {

std::uint32_t first_word(const std::vector<std::uint8_t>& key) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) word = word << 8U | key[i];
  return word;
}

}  // namespace

std::uint32_t steering_word(std::uint64_t random) {
  // SplitMix64, until a word is neither thin nor thick; nearly every other one will do.
  for (std::uint64_t state = random;; state += 0x9e3779b97f4a7c15U) {
    std::uint64_t x = (state ^ (state >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    const auto word = static_cast<std::uint32_t>((x ^ (x >> 31U)) >> 32U);
    const int bits = std::popcount(word);
    if (bits % 2 == 1 && bits >= 11 && bits <= 21) return word;
  }
}

std::vector<std::uint8_t> steering_key(std::uint32_t word, std::size_t size) {
  std::vector<std::uint8_t> key(size);
  for (std::size_t i = 0; i < size; ++i)
    key[i] = static_cast<std::uint8_t>(word >> (24 - 8 * (i % 4)));
  return key;
}

SteeringTable::SteeringTable(const Steering& steering) {
  if (!steering.nic) return;
  if (steering.key.size() < 4 ||
      steering_key(first_word(steering.key), steering.key.size()) != steering.key)
    throw std::invalid_argument("steering: the key repeats no word of four bytes");
  if (!std::has_single_bit(steering.reta.size()))
    throw std::invalid_argument("steering: the size of the table is no power of two");
  v4_ = true;
  v6_ = steering.v6_prefix != 0;
  for (unsigned byte = 0; byte < mask_.size(); ++byte)
    if (32 + 8 * byte < steering.v6_prefix) mask_[byte] = 0xff;
  reta_ = steering.reta;
  const std::uint32_t word = first_word(steering.key);
  // Each set bit of the input adds the 32 bits of the key that begin at its place.
  for (unsigned value = 0; value < bytes_.size(); ++value)
    for (unsigned bit = 0; bit < 8; ++bit)
      if ((value << bit & 0x80U) != 0) bytes_[value] ^= std::rotl(word, static_cast<int>(bit));
}

}  // namespace mitibox
