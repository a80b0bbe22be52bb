// SPDX-License-Identifier: BSD-3-Clause
#include "frame_view.hpp"

#include <algorithm>

#include "base/secrets.hpp"
#include "packet/cursor.hpp"

namespace mitibox::replay {

namespace {

constexpr unsigned kMostTags = 2;

bool is_tag(std::uint16_t type) {
  return type == ethertype::kVlan || type == ethertype::kQinq || type == ethertype::kOldQinq;
}

void read_arp(Cursor cursor, FrameView& view) {
  const auto* arp = cursor.take<ArpPacket>();
  if (arp == nullptr || arp->protocol_type.host() != ethertype::kIpv4 ||
      arp->protocol_length != 4 || arp->hardware_length != 6)
    return;
  view.arp = true;
  view.source = Address(arp->sender_ip);
  view.destination = Address(arp->target_ip);
}

bool read_ipv4(Cursor& cursor, FrameView& view) {
  const auto* ip = cursor.peek<Ipv4Header>();
  if (ip == nullptr || (ip->version_ihl >> 4U) != 4) return false;
  view.family = Family::v4;
  view.source = Address(ip->source);
  view.destination = Address(ip->destination);
  view.protocol = ip->protocol;
  const std::uint16_t part = ip->fragment.host();
  if ((part & kIpv4OffsetMask) != 0)
    view.fragment = Fragment::later;
  else if ((part & kIpv4MoreFragments) != 0)
    view.fragment = Fragment::first;
  return ip->header_length() >= sizeof *ip && cursor.skip(ip->header_length());
}

bool read_ipv6(Cursor& cursor, FrameView& view) {
  const auto* ip = cursor.take<Ipv6Header>();
  if (ip == nullptr || (ip->version_class_flow.host() >> 28U) != 6) return false;
  view.family = Family::v6;
  view.source = Address(ip->source);
  view.destination = Address(ip->destination);
  view.protocol = ip->next_header;
  if (ip->next_header == protocol::kIpv6Fragment) view.fragment = Fragment::first;
  return true;
}

void read_tcp(Cursor cursor, FrameView& view) {
  const std::size_t left = cursor.left();
  const auto* tcp = cursor.take<TcpHeader>();
  if (tcp == nullptr) return;
  view.transport = true;
  view.source_port = tcp->source_port.host();
  view.destination_port = tcp->destination_port.host();
  view.tcp_flags = tcp->flags;
  view.sequence = tcp->sequence.host();
  view.acknowledgement = tcp->acknowledgement.host();
  view.tcp_length =
      std::clamp<std::size_t>(tcp->header_length(), sizeof *tcp, std::max(left, sizeof *tcp));
}

void read_udp(Cursor cursor, FrameView& view) {
  const auto* udp = cursor.take<UdpHeader>();
  if (udp == nullptr) return;
  view.transport = true;
  view.source_port = udp->source_port.host();
  view.destination_port = udp->destination_port.host();
}

void read_icmp(Cursor cursor, FrameView& view) {
  const auto* icmp = cursor.take<IcmpHeader>();
  if (icmp == nullptr) return;
  view.transport = true;
  const bool v4 = view.family == Family::v4;
  view.echo_request = icmp->type == (v4 ? icmp4::kEcho : icmp6::kEcho);
  view.echo_reply = icmp->type == (v4 ? icmp4::kEchoReply : icmp6::kEchoReply);
  if (view.echo_request || view.echo_reply)
    view.source_port = view.destination_port = icmp->id.host();
}

void read_transport(Cursor cursor, FrameView& view) {
  if (view.fragment != Fragment::none) return;
  if (view.protocol == protocol::kTcp) read_tcp(cursor, view);
  if (view.protocol == protocol::kUdp) read_udp(cursor, view);
  const std::uint8_t icmp = view.family == Family::v4 ? protocol::kIcmp : protocol::kIcmpv6;
  if (view.protocol == icmp) read_icmp(cursor, view);
}

/// Captures come from anywhere: their addresses must not steer the maps.
Key128 map_key() {
  static const Key128 key = random_key();
  return key;
}

}  // namespace

FrameView view(std::span<std::uint8_t> frame) {
  FrameView out;
  Cursor cursor(frame.data(), frame.size());
  const auto* ether = cursor.take<EtherHeader>();
  if (ether == nullptr) return out;
  out.mac = ether->source;
  std::uint16_t type = ether->type.host();
  for (unsigned tags = 0; is_tag(type); ++tags) {
    const auto* tag = cursor.take<VlanTag>();
    if (tag == nullptr || tags == kMostTags) return out;
    type = tag->type.host();
  }
  if (type == ethertype::kArp) read_arp(cursor, out);
  const bool ip = (type == ethertype::kIpv4 && read_ipv4(cursor, out)) ||
                  (type == ethertype::kIpv6 && read_ipv6(cursor, out));
  if (!ip) return out;
  out.l4 = frame.size() - cursor.left();
  read_transport(cursor, out);
  return out;
}

std::size_t Flow::Hash::operator()(const Flow& flow) const {
  return siphash13(map_key(), flow.key.words);
}

std::size_t AddressHash::operator()(const Address& address) const {
  return siphash13_of(map_key(), address.high(), address.low());
}

std::optional<Flow> flow_of(const FrameView& frame, Side from) {
  if (frame.family == Family::none || frame.fragment != Fragment::none) return std::nullopt;
  End source{frame.source, be16(frame.source_port)};
  End destination{frame.destination, be16(frame.destination_port)};
  if (from == Side::inside) std::swap(source, destination);
  return Flow{make_flow_key(frame.family, frame.protocol, source, destination)};
}

}  // namespace mitibox::replay
