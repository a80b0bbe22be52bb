// SPDX-License-Identifier: BSD-3-Clause
/// How every packet of the box's own looks, whoever it speaks for (docs: persona "W8").
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/siphash.hpp"
#include "packet/builder.hpp"
#include "reply/offer.hpp"

namespace mitibox {

inline constexpr std::uint8_t kPersonaTtl = 128;
inline constexpr std::uint16_t kPersonaWindow = 8192;  ///< of a SYN/ACK, bytes
inline constexpr std::uint8_t kPersonaScale = 8;
inline constexpr std::uint32_t kPersonaLater = 16384;  ///< window after the handshake, bytes

/// Options of a SYN/ACK: MSS, then what the SYN offered of window scale and SACK, aligned by NOPs.
class SynAckOptions {
 public:
  SynAckOptions(Family family, const SynOffer& offer) {
    const std::uint32_t mss = family == Family::v4 ? 1460 : 1440;
    word(tcp::kOptionMss, 4, mss >> 8U, mss & 0xffU);
    if (offer.scaled()) word(tcp::kOptionNop, tcp::kOptionWindowScale, 3, kPersonaScale);
    if (offer.sack) word(tcp::kOptionNop, tcp::kOptionNop, tcp::kOptionSackPermitted, 2);
  }
  /// As they lie on the wire.
  [[nodiscard]] std::span<const std::uint32_t> words() const { return {words_.data(), used_}; }

 private:
  void word(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    words_[used_++] = a | b << 8U | c << 16U | d << 24U;
  }
  std::array<std::uint32_t, 3> words_{};
  std::size_t used_ = 0;
};

/// The IP fields that are drawn. Owned by one lcore.
class Persona {
 public:
  explicit Persona(Key128 key) : key_(key) {}

  IpFields tcp(const Packet& probe) { return fields(probe, true); }
  IpFields icmp(const Packet& probe) { return fields(probe, false); }

 private:
  IpFields fields(const Packet& probe, bool dont_fragment) {
    IpFields ip{.ttl = kPersonaTtl, .dont_fragment = dont_fragment, .id = 0, .flow_label = 0};
    if (probe.family == Family::v4)
      ip.id = next_id();
    else
      ip.flow_label = static_cast<std::uint32_t>(siphash24(key_, probe.key.words)) & 0xfffffU;
    return ip;
  }

  /// Uniform in 1..65535.
  std::uint16_t next_id() {
    if (left_ == 0) draw();
    return ids_[--left_];
  }
  /// Each hash of the counter gives four; zeros are skipped.
  void draw() {
    std::array<std::array<std::uint64_t, kBurst>, 1> counters;
    std::array<std::uint64_t, kBurst> hashes;
    for (std::uint64_t& c : counters[0]) c = counter_++;
    siphash_columns<2, 4>(key_, counters, kBurst, hashes);
    for (const std::uint64_t hash : hashes)
      for (unsigned i = 0; i < 4; ++i)
        if (const auto id = static_cast<std::uint16_t>(hash >> 16U * i); id != 0)
          ids_[left_++] = id;
  }

  Key128 key_;
  std::uint64_t counter_ = 0;
  std::array<std::uint16_t, 4 * kBurst> ids_{};  ///< drawn, used from the end
  std::size_t left_ = 0;
};

}  // namespace mitibox
