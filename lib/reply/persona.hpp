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
    const std::uint16_t mss = family == Family::v4 ? 1460 : 1440;
    word(tcp::kOptionMss, 4, static_cast<std::uint8_t>(mss >> 8U), static_cast<std::uint8_t>(mss));
    if (offer.scaled()) word(tcp::kOptionNop, tcp::kOptionWindowScale, 3, kPersonaScale);
    if (offer.sack) word(tcp::kOptionNop, tcp::kOptionNop, tcp::kOptionSackPermitted, 2);
  }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {bytes_.data(), used_}; }

 private:
  void word(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    for (const std::uint8_t byte : {a, b, c, d}) bytes_[used_++] = byte;
  }
  std::array<std::uint8_t, 12> bytes_{};
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

  /// Uniform in 1..65535: each hash of the counter gives four, zeros are skipped.
  std::uint16_t next_id() {
    std::uint16_t id = 0;
    while (id == 0) {
      if (left_ == 0) {
        ids_ = siphash24_of(key_, counter_++);
        left_ = 4;
      }
      id = static_cast<std::uint16_t>(ids_);
      ids_ >>= 16U;
      --left_;
    }
    return id;
  }

  Key128 key_;
  std::uint64_t counter_ = 0;
  std::uint64_t ids_ = 0;  ///< drawn, not used yet
  unsigned left_ = 0;
};

}  // namespace mitibox
