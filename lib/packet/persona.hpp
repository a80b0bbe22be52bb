// SPDX-License-Identifier: BSD-3-Clause
/// How every packet of the box's own looks, whoever it speaks for (docs: persona "W8").
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/siphash.hpp"
#include "packet/builder.hpp"
#include "packet/checksum.hpp"
#include "packet/offer.hpp"

namespace mitibox {

inline constexpr std::uint8_t kPersonaTtl = 128;
inline constexpr std::uint16_t kPersonaWindow = 8192;  ///< of a SYN/ACK, bytes
inline constexpr std::uint8_t kPersonaScale = 8;
inline constexpr std::uint32_t kPersonaLater = 16384;  ///< window after the handshake, bytes

constexpr std::uint16_t persona_mss(Family family) {
  return family == Family::v4 ? 1460 : 1440;
}

/// Options of a SYN or SYN/ACK: MSS, then window scale and SACK if they are offered, aligned by
/// NOPs.
class SynOptions {
 public:
  /// `offer`: of the one who speaks; of its window scale only whether there is one.
  SynOptions(std::uint32_t mss, const SynOffer& offer, std::uint32_t scale) {
    word(tcp::kOptionMss, 4, mss >> 8U, mss & 0xffU);
    if (offer.scaled()) word(tcp::kOptionNop, tcp::kOptionWindowScale, 3, scale);
    if (offer.sack) word(tcp::kOptionNop, tcp::kOptionNop, tcp::kOptionSackPermitted, 2);
  }
  /// The persona's answer to this offer.
  SynOptions(Family family, const SynOffer& offer)
      : SynOptions(persona_mss(family), offer, kPersonaScale) {}
  /// As they lie on the wire.
  [[nodiscard]] std::span<const std::uint32_t> words() const { return {words_.data(), used_}; }

 private:
  void word(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    words_[used_++] = a | b << 8U | c << 16U | d << 24U;
  }
  std::array<std::uint32_t, 3> words_{};
  std::size_t used_ = 0;
};

/// TTL of what goes inside, whatever it was (rule S-IP4-6).
inline constexpr std::uint8_t kInwardTtl = 64;
/// What comes from inside with less is a host's search for its route.
inline constexpr std::uint8_t kLeastTtl = 32;

/// The IP fields that are drawn, and those of hosts' packets. Owned by one lcore; the flow label is
/// the same for all lcores that have the same secret.
class Persona {
 public:
  /// `key`: for IP identifiers, of this lcore alone. `label`: for flow labels.
  Persona(Key128 key, std::uint64_t label) : key_(key), label_(label | 1U) {}
  explicit Persona(Key128 key) : Persona(key, key.k0) {}

  IpFields tcp(const Packet& probe) { return fields(probe, true); }
  IpFields icmp(const Packet& probe) { return fields(probe, false); }

  /// Makes a host's packet look like one of the box's own: rules N-OUT-1 and 2, S-IP6-7. `ecn`: the
  /// bits of TOS or traffic class that stay. A fragment keeps its identifier.
  void dress_outward(Packet& p, std::uint8_t ecn) {
    if (p.family == Family::v6) {
      Ipv6Header& ip = p.ipv6();
      return dress_v6(ip, ip.hop_limit >= kLeastTtl ? kPersonaTtl : ip.hop_limit, ecn, label(p));
    }
    V4Words ip(p);
    ip.keep_tos(ecn);
    if (p.fragment == Fragment::none) {
      ip.id(next_id());
      if (p.protocol == protocol::kTcp ||
          (p.protocol == protocol::kUdp && p.end - p.l3 <= kAlwaysWhole))
        ip.fragment(be16(kIpv4DontFragment).raw());
      else if (p.protocol == protocol::kIcmp)
        ip.fragment(0);
    }
    ip.write(p, ip.ttl() >= kLeastTtl ? kPersonaTtl : ip.ttl());
  }

  /// Rules S-IP4-6, S-IP4-7: what goes inside tells a host nothing of its way.
  static void dress_inward(Packet& p, std::uint8_t ecn) {
    if (p.family == Family::v6) {
      const std::uint32_t label = p.ipv6().version_class_flow.host() & 0xfffffU;
      return dress_v6(p.ipv6(), kInwardTtl, ecn, label);
    }
    V4Words ip(p);
    ip.keep_tos(ecn);
    ip.write(p, kInwardTtl);
  }

 private:
  IpFields fields(const Packet& probe, bool dont_fragment) {
    IpFields ip{.ttl = kPersonaTtl, .dont_fragment = dont_fragment, .id = 0, .flow_label = 0};
    if (probe.family == Family::v4)
      ip.id = next_id();
    else
      ip.flow_label = label(probe);
    return ip;
  }

  /// Of a flow whose keyed hash is known: what the table knows it by stays hidden.
  [[nodiscard]] std::uint32_t label(const Packet& p) const {
    return static_cast<std::uint32_t>((p.hash + std::uint64_t{1}) * label_ >> 44U);
  }

  /// An IPv4 header without options, in registers: fields as they lie in memory.
  class V4Words {
   public:
    explicit V4Words(const Packet& p)
        : first_(detail::load<std::uint64_t>(p.data() + p.l3)),
          second_(detail::load<std::uint64_t>(p.data() + p.l3 + 8)) {}
    [[nodiscard]] std::uint8_t ttl() const { return static_cast<std::uint8_t>(second_); }
    void keep_tos(std::uint8_t bits) { first_ &= 0xffffffffffff00ffU | std::uint64_t{bits} << 8U; }
    void id(std::uint16_t raw) {
      first_ = (first_ & 0xffff0000ffffffffU) | std::uint64_t{raw} << 32U;
    }
    void fragment(std::uint16_t raw) {
      first_ = (first_ & 0x0000ffffffffffffU) | std::uint64_t{raw} << 48U;
    }
    void write(Packet& p, std::uint8_t ttl) {
      std::uint8_t* const at = p.data() + p.l3;
      second_ = (second_ & 0xffffffff0000ff00U) | ttl;
      const std::uint64_t sum =
          add_words(add_words(first_, second_), detail::load<std::uint32_t>(at + 16));
      second_ |= std::uint64_t{checksum_of(sum).raw()} << 16U;
      std::memcpy(at, &first_, sizeof first_);
      std::memcpy(at + 8, &second_, sizeof second_);
    }

   private:
    std::uint64_t first_;
    std::uint64_t second_;
  };
  static void dress_v6(Ipv6Header& ip, std::uint8_t ttl, std::uint8_t ecn, std::uint32_t label) {
    const std::uint32_t kept = ip.version_class_flow.host() & std::uint32_t{ecn} << 20U;
    ip.version_class_flow = be32(6U << 28U | kept | label);
    ip.hop_limit = ttl;
  }
  static constexpr int kAlwaysWhole = 1280;  ///< bytes of a UDP datagram

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
  std::uint64_t label_;
  std::uint64_t counter_ = 0;
  std::array<std::uint16_t, 4 * kBurst> ids_{};  ///< drawn, used from the end
  std::size_t left_ = 0;
};

}  // namespace mitibox
