// SPDX-License-Identifier: BSD-3-Clause
/// From bytes to the fields of Packet, once, each header behind a bounds check. Inline: it runs
/// for every frame.
#pragma once

#include <bit>
#include <cstring>
#include <optional>

#include "packet/cursor.hpp"
#include "packet/packet.hpp"

namespace mitibox {

namespace detail {

/// Joins segments, and puts a tag back that the driver took off. Returns why it cannot, if so.
std::optional<Reason> mend_frame(Packet& packet);
/// Reads VLAN tags from `at` on.
std::optional<Reason> skip_tags(Packet& packet, Cursor& at);
std::optional<Reason> parse_ipv6(Packet& packet, Cursor at);

inline bool is_vlan(std::uint16_t type) {
  return type == ethertype::kVlan || type == ethertype::kQinq || type == ethertype::kOldQinq;
}

inline std::optional<Reason> parse_ipv4(Packet& p, Cursor at) {
  const auto left = at.left();
  const auto* ip = at.peek<Ipv4Header>();
  if (ip == nullptr || (ip->version_ihl >> 4U) != 4) return Reason::ip4_header;
  const std::uint16_t header = ip->header_length();
  const std::uint16_t total = ip->total_length.host();
  if (header < sizeof(Ipv4Header) || total < header || total > left) return Reason::ip4_header;
  p.family = Family::v4;
  p.protocol = ip->protocol;
  p.l4 = static_cast<std::uint16_t>(p.l3 + header);
  p.end = static_cast<std::uint16_t>(p.l3 + total);
  return std::nullopt;
}

}  // namespace detail

/// Reads `packet.frame` up to the network header: tags, ether_type, l3, and for IP family,
/// protocol (as its first header names it), l4 (behind that header), end. Joins a frame of several
/// segments. Returns why the frame cannot be read (RFC 791 3.1, RFC 8200 3), if so.
inline std::optional<Reason> parse_frame(Packet& p) {
  if (p.frame->nb_segs > 1 || (p.frame->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) [[unlikely]]
    if (const auto why = detail::mend_frame(p)) return why;
  p.bytes = rte_pktmbuf_mtod(p.frame, std::uint8_t*);
  Cursor at(p.data(), p.frame->data_len);
  const auto* ether = at.take<EtherHeader>();
  if (ether == nullptr) return Reason::frame_truncated;
  p.ether_type = ether->type.host();
  p.l3 = sizeof(EtherHeader);
  if (detail::is_vlan(p.ether_type)) [[unlikely]]
    if (const auto why = detail::skip_tags(p, at)) return why;
  if (p.ether_type == ethertype::kIpv4) [[likely]]
    return detail::parse_ipv4(p, at);
  if (p.ether_type == ethertype::kIpv6) return detail::parse_ipv6(p, at);
  return std::nullopt;
}

/// Writes key: the flow's identity from addresses, ports and the side the packet came from.
/// `opener`: the side that asked; only echo needs it.
inline void set_flow_key(Packet& p, Side opener) {
  be16 source(p.source_port);
  be16 destination(p.destination_port);
  if (p.is_icmp()) [[unlikely]] {
    // The identifier stands for the port of the side that asked, so that two hosts which ping each
    // other with one identifier have two flows.
    const bool asks = p.from == opener;
    source = asks ? source : be16{};
    destination = asks ? be16{} : destination;
  }
  const std::uint32_t ports = p.from == Side::outside
                                  ? source.raw() | std::uint32_t{destination.raw()} << 16U
                                  : destination.raw() | std::uint32_t{source.raw()} << 16U;
  const std::uint64_t last = ports | std::uint64_t{p.protocol} << 32U;
  if (p.family == Family::v4) {
    std::uint64_t both = 0;  // source, then destination
    std::memcpy(&both, &p.ipv4().source, sizeof both);
    p.key.words[0] = p.from == Side::outside ? both : std::rotl(both, 32);
    p.key.words[1] = last;
    return;
  }
  const auto& ip = p.ipv6();
  const auto& outside = p.from == Side::outside ? ip.source : ip.destination;
  const auto& inside = p.from == Side::outside ? ip.destination : ip.source;
  std::memcpy(&p.key.words[0], outside.data(), 16);
  std::memcpy(&p.key.words[2], inside.data(), 16);
  p.key.words[4] = last;
}

}  // namespace mitibox
