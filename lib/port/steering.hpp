// SPDX-License-Identifier: BSD-3-Clause
/// How the NIC spreads packets over the queues, and the same in software.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "packet/address.hpp"

namespace mitibox {

/// What both ports do alike: Toeplitz of the outside address alone, then the table.
struct Steering {
  bool nic = false;                 ///< at least for IPv4; all else means nothing without it
  std::vector<std::uint8_t> key;    ///< one word of four bytes, repeated
  std::vector<std::uint16_t> reta;  ///< queues; a power of two of them
  unsigned v6_prefix = 0;           ///< IPv6, by so many first bits: 0 (not), 32, 40, .. 64
};

/// The key's word: random, and odd in its number of bits. Toeplitz with it is then a bijection of
/// the 32 bits, and does not depend on where the NIC lays the address in its input: drivers cut
/// unused fields out or leave them zero, and the source stands before the destination. With a key
/// of its own for each place the two ports would disagree.
std::uint32_t steering_word(std::uint64_t random);

/// The key of `size` bytes that repeats this word.
std::vector<std::uint8_t> steering_key(std::uint32_t word, std::size_t size);

/// The queue where the NIC puts a source's packets. Immutable; read by every lcore.
class SteeringTable {
 public:
  /// Throws std::invalid_argument when it was not made by steering_key(), or its table is no power
  /// of two.
  explicit SteeringTable(const Steering& steering);

  /// Whether the NIC steers the sources of this family.
  [[nodiscard]] bool covers(const Address& source) const { return source.is_v4() ? v4_ : v6_; }

  /// For a source that is covered.
  [[nodiscard]] std::uint16_t queue(const Address& source) const {
    return reta_[hash(source) & (reta_.size() - 1)];
  }

  /// Toeplitz of the IPv4 address, or of the first bits of the IPv6 address.
  [[nodiscard]] std::uint32_t hash(const Address& source) const {
    const auto& b = source.bytes;
    if (source.is_v4()) return hash(b[12], b[13], b[14], b[15]);
    // Linear, and the key the same for both words.
    return hash(b[0] ^ (b[4] & mask_[0]), b[1] ^ (b[5] & mask_[1]), b[2] ^ (b[6] & mask_[2]),
                b[3] ^ (b[7] & mask_[3]));
  }

 private:
  [[nodiscard]] std::uint32_t hash(unsigned a, unsigned b, unsigned c, unsigned d) const {
    return bytes_[a] ^ std::rotl(bytes_[b], 8) ^ std::rotl(bytes_[c], 16) ^
           std::rotl(bytes_[d], 24);
  }

  bool v4_ = false;
  bool v6_ = false;
  std::array<std::uint8_t, 4> mask_{};      ///< of the second word of an IPv6 address
  std::array<std::uint32_t, 256> bytes_{};  ///< the hash of each value of the first byte
  std::vector<std::uint16_t> reta_;
};

}  // namespace mitibox
