// SPDX-License-Identifier: BSD-3-Clause
#include "packet/parse.hpp"

#include <cstring>

#include "base/poison.hpp"
#include "packet/cursor.hpp"

namespace mitibox {

namespace {

bool is_vlan(std::uint16_t type) {
  return type == ethertype::kVlan || type == ethertype::kQinq || type == ethertype::kOldQinq;
}

/// Some drivers (AF_PACKET among them) move the outer tag out of the frame.
bool restore_tag(rte_mbuf* frame) {
  if (frame->data_len < sizeof(EtherHeader)) return false;
  unpoison_frame(frame);
  const auto* old = rte_pktmbuf_mtod(frame, const std::uint8_t*);
  auto* now = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_prepend(frame, sizeof(VlanTag)));
  if (now == nullptr) return false;
  std::memmove(now, old, 2 * sizeof(Mac));
  const VlanTag tag{be16(frame->vlan_tci), be16()};
  const be16 type(ethertype::kVlan);
  std::memcpy(now + 2 * sizeof(Mac), &type, sizeof type);
  std::memcpy(now + 2 * sizeof(Mac) + sizeof type, &tag.control, sizeof tag.control);
  poison_frame(frame);
  frame->ol_flags &= ~(RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
  return true;
}

std::optional<Reason> parse_ipv4(Packet& p, Cursor at) {
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

std::optional<Reason> parse_ipv6(Packet& p, Cursor at) {
  const auto left = at.left();
  const auto* ip = at.peek<Ipv6Header>();
  if (ip == nullptr || (ip->version_class_flow.host() >> 28U) != 6) return Reason::ip6_header;
  const std::size_t total = sizeof(Ipv6Header) + ip->payload_length.host();
  // A jumbogram (RFC 2675) says 0 here and never fits a frame.
  if (total > left || total > 0xffff ||
      (ip->payload_length.host() == 0 && left > sizeof *ip &&
       ip->next_header == protocol::kHopByHop))
    return Reason::ip6_header;
  p.family = Family::v6;
  p.protocol = ip->next_header;
  p.l4 = static_cast<std::uint16_t>(p.l3 + sizeof(Ipv6Header));
  p.end = static_cast<std::uint16_t>(p.l3 + total);
  return std::nullopt;
}

}  // namespace

std::optional<Reason> parse_frame(Packet& p) {
  if (p.frame->nb_segs > 1) {
    unpoison_frame(p.frame);
    if (rte_pktmbuf_linearize(p.frame) != 0) return Reason::frame_segments;
    poison_frame(p.frame);
  }
  if ((p.frame->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0 && !restore_tag(p.frame))
    return Reason::vlan_restore;
  Cursor at(p.data(), p.frame->data_len);
  const auto* ether = at.take<EtherHeader>();
  if (ether == nullptr) return Reason::frame_truncated;
  p.ether_type = ether->type.host();
  p.l3 = sizeof(EtherHeader);
  while (is_vlan(p.ether_type)) {
    if (p.tags == 2) return Reason::vlan_depth;
    const auto* tag = at.take<VlanTag>();
    if (tag == nullptr) return Reason::frame_truncated;
    p.ether_type = tag->type.host();
    p.l3 = static_cast<std::uint16_t>(p.l3 + sizeof(VlanTag));
    ++p.tags;
  }
  if (p.ether_type == ethertype::kIpv4) return parse_ipv4(p, at);
  if (p.ether_type == ethertype::kIpv6) return parse_ipv6(p, at);
  return std::nullopt;
}

void set_flow_key(Packet& p, Side opener) {
  be16 source(p.source_port);
  be16 destination(p.destination_port);
  if (p.is_icmp()) {
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
    const auto& ip = p.ipv4();
    const be32 outside = p.from == Side::outside ? ip.source : ip.destination;
    const be32 inside = p.from == Side::outside ? ip.destination : ip.source;
    p.key.words[0] = outside.raw() | std::uint64_t{inside.raw()} << 32U;
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
