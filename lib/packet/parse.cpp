// SPDX-License-Identifier: BSD-3-Clause
#include "packet/parse.hpp"

#include "base/poison.hpp"

namespace mitibox::detail {

namespace {

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

}  // namespace

std::optional<Reason> mend_frame(Packet& p) {
  if (p.frame->nb_segs > 1) {
    unpoison_frame(p.frame);
    if (rte_pktmbuf_linearize(p.frame) != 0) return Reason::frame_segments;
    poison_frame(p.frame);
  }
  if ((p.frame->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0 && !restore_tag(p.frame))
    return Reason::vlan_restore;
  return std::nullopt;
}

std::optional<Reason> skip_tags(Packet& p, Cursor& at) {
  while (is_vlan(p.ether_type)) {
    if (p.tags == 2) return Reason::vlan_depth;
    const auto* tag = at.take<VlanTag>();
    if (tag == nullptr) return Reason::frame_truncated;
    p.ether_type = tag->type.host();
    p.l3 = static_cast<std::uint16_t>(p.l3 + sizeof(VlanTag));
    ++p.tags;
  }
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

}  // namespace mitibox::detail
