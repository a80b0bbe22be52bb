// SPDX-License-Identifier: BSD-3-Clause
/// Scrubber: drops what does not comply with the protocols and smooths the rest (the paper, 3.2).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "packet/checksum.hpp"
#include "packet/cursor.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "scrubber/fragments.hpp"
#include "scrubber/tcp_rules.hpp"

namespace mitibox {

/// Owned by one lcore. Rule names are those of docs/normalisation.md.
class Scrubber {
 public:
  /// `verified_checksums`: the ports verify them; what a frame's flags call right is believed.
  explicit Scrubber(const Policy& policy, bool verified_checksums = false);

  /// Judges a packet of class inbound or outbound that has been through parse_frame: drops it, or
  /// sees that it is a fragment which may go to the others of its datagram (`gather`), or leaves it
  /// pending with every field of Packet up to the transport layer set; cut to its IP length. May
  /// rewrite header bits.
  void scrub(Packet& packet) const;

 private:
  using Result = std::optional<Reason>;
  Result scrub_ipv4(Packet& p) const;
  Result scrub_ipv6(Packet& p) const;
  Result scrub_tcp(Packet& p) const;
  /// Fragments, and what is not TCP.
  Result scrub_upper(Packet& p) const;
  Result scrub_fragment(Packet& p) const;
  Result scrub_udp(Packet& p) const;
  Result scrub_icmp(Packet& p) const;

  /// Whether the port has found this checksum right; else it is summed here.
  [[nodiscard]] bool verified(const Packet& p, std::uint64_t mask, std::uint64_t right) const {
    return verified_checksums_ && (p.frame->ol_flags & mask) == right;
  }

  Policy::Ecn ecn_;
  bool verified_checksums_;
  /// Whether SYNs that come from there are laid anew: the box itself answers those from outside, or
  /// hosts do.
  std::array<bool, kSides> lays_options_;
  std::vector<be32> broadcasts_;  ///< of the protected IPv4 prefixes
};

namespace detail {

inline std::uint64_t pseudo_of(const Packet& p, std::uint32_t length) {
  return p.family == Family::v4 ? pseudo_sum(p.ipv4(), p.protocol, length)
                                : pseudo_sum(p.ipv6(), p.protocol, length);
}

/// Whether the transport checksum holds.
inline bool checksum_holds(const Packet& p) {
  const auto length = static_cast<std::uint16_t>(p.end - p.l4);
  return fold(pseudo_of(p, length) + sum_bytes(p.data() + p.l4, length)) == 0xffff;
}

}  // namespace detail

inline void Scrubber::scrub(Packet& p) const {
  Result why = p.family == Family::v4 ? scrub_ipv4(p) : scrub_ipv6(p);
  if (!why) {
    // S-IP4-2: what lies behind the datagram is not the datagram's. The frame has one segment.
    p.frame->pkt_len = p.frame->data_len = p.end;
    why = p.protocol == protocol::kTcp && p.fragment == Fragment::none ? scrub_tcp(p)
                                                                       : scrub_upper(p);
  }
  if (why) p.drop(*why);
}

inline Scrubber::Result Scrubber::scrub_ipv4(Packet& p) const {
  const std::uint8_t* at = p.data() + p.l3;
  if (p.l4 - p.l3 != sizeof(Ipv4Header)) [[unlikely]]  // S-IP4-3
    return fold(sum_bytes(at, static_cast<std::size_t>(p.l4 - p.l3))) == 0xffff
               ? Reason::ip4_options
               : Reason::ip4_checksum;
  const auto first = detail::load<std::uint64_t>(at);
  const auto second = detail::load<std::uint64_t>(at + 8);
  const auto third = detail::load<std::uint32_t>(at + 16);
  if (fold(add_words(add_words(first, second), third)) != 0xffff) return Reason::ip4_checksum;
  const auto source = be32::from_raw(static_cast<std::uint32_t>(second >> 32U));
  const auto destination = be32::from_raw(static_cast<std::uint32_t>(third));
  const std::uint16_t fragment = be16::from_raw(static_cast<std::uint16_t>(first >> 48U)).host();
  if ((fragment & kIpv4Reserved) != 0) return Reason::ip4_reserved;  // S-IP4-4
  // S-IP4-5
  if (is_martian_v4(p.from == Side::outside ? source : destination)) return Reason::ip_martian;
  if (p.from == Side::outside)
    for (const be32 broadcast : broadcasts_)
      if (broadcast == destination) return Reason::ip_broadcast;
  if ((fragment & kIpv4OffsetMask) != 0)
    p.fragment = Fragment::later;
  else if ((fragment & kIpv4MoreFragments) != 0)
    p.fragment = Fragment::first;
  return std::nullopt;
}

inline Scrubber::Result Scrubber::scrub_tcp(Packet& p) const {
  const auto length = static_cast<std::uint16_t>(p.end - p.l4);
  auto* tcp = Cursor(p.data() + p.l4, length).peek<TcpHeader>();
  if (tcp == nullptr) return Reason::tcp_header;
  const TcpHeader h = *tcp;  // as it came, in registers
  const std::uint16_t header = h.header_length();
  if (header > length || header < sizeof(TcpHeader)) return Reason::tcp_header;  // S-TCP-1
  if (!verified(p, RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_GOOD) &&
      !detail::checksum_holds(p))
    return Reason::tcp_checksum;
  if (h.source_port.raw() == 0 || h.destination_port.raw() == 0) return Reason::tcp_port;
  p.tcp_flags = h.flags;
  if (!flags_are_normal(h)) {
    if (!normalise_flags(*tcp, ecn_ == Policy::Ecn::keep)) return Reason::tcp_flags;  // S-TCP-2
    p.tcp_flags = tcp->flags;
  }
  if (header != sizeof(TcpHeader) && !options_are_usual(*tcp) && !normalise_options(*tcp))
    return Reason::tcp_options;  // S-TCP-3
  p.source_port = h.source_port.host();
  p.destination_port = h.destination_port.host();
  p.sequence = h.sequence.host();
  p.acknowledgement = h.acknowledgement.host();
  p.window = h.window.host();
  p.payload = static_cast<std::uint16_t>(p.l4 + header);
  if ((h.flags & tcp::kSyn) != 0 && lays_options_[index(p.from)]) normalise_syn(p);
  return std::nullopt;
}

}  // namespace mitibox
