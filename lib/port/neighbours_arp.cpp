// SPDX-License-Identifier: BSD-3-Clause
// ARP (RFC 826, RFC 5227) through Neighbours.
#include "packet/cursor.hpp"
#include "port/neighbours.hpp"

namespace mitibox {

namespace {

constexpr std::size_t kFixedPart = 8;  // up to and including the operation

enum class Form : std::uint8_t { ethernet_ipv4, foreign, truncated };

Form form_of(Cursor at) {
  const std::size_t left = at.left();
  if (left < kFixedPart) return Form::truncated;
  // The fixed part lies within the frame, whatever the rest is.
  struct Fixed {
    be16 hardware_type, protocol_type;
    std::uint8_t hardware_length, protocol_length;
    be16 operation;
  };
  const Fixed& fixed = *at.peek<Fixed>();
  const std::size_t addresses = 2U * (fixed.hardware_length + fixed.protocol_length);
  if (left < kFixedPart + addresses) return Form::truncated;
  const ArpPacket plain = blank_arp();
  const bool known = fixed.hardware_type == plain.hardware_type &&
                     fixed.protocol_type == plain.protocol_type &&
                     fixed.hardware_length == plain.hardware_length &&
                     fixed.protocol_length == plain.protocol_length &&
                     (fixed.operation.host() == kArpRequest || fixed.operation.host() == kArpReply);
  return known ? Form::ethernet_ipv4 : Form::foreign;
}

}  // namespace

void Neighbours::process_arp(Packet& packet, Now now, Output& out) {
  const Cursor at(packet.data() + packet.l3,
                  static_cast<std::size_t>(packet.frame->data_len - packet.l3));
  packet.forward();
  switch (form_of(at)) {
    case Form::truncated:
      packet.drop(Reason::neighbour_invalid);
      return;
    case Form::foreign:
      return;
    case Form::ethernet_ipv4:
      break;
  }
  const ArpPacket& arp = *at.peek<ArpPacket>();
  if (arp.sender_mac == own_) {  // brought back by a loop
    packet.consume(Reason::neighbour_probe);
    return;
  }
  if (packet.from == Side::outside)
    arp_outside(packet, arp, now, out);
  else
    arp_inside(packet, arp, now, out);
}

void Neighbours::arp_outside(Packet& packet, const ArpPacket& arp, Now now, Output& out) {
  const bool probe = arp.sender_ip == be32();  // RFC 5227: who asks has no address yet
  if (probe || !usable(arp.sender_mac)) return;
  const Address sender(arp.sender_ip);
  seen_outside(packet, sender, arp.sender_mac, now);
  if (arp.operation.host() != kArpRequest || arp.sender_ip == arp.target_ip ||
      !gateways_.contains(sender))
    return;
  Listed* l = listed(Address(arp.target_ip));
  if (l == nullptr) return;
  const Tags tags = tags_of(packet);
  if (!answers_for(*l, tags, now, out)) {
    redirect(packet, *l);
    return;
  }
  if (out.count == kMaxFrames) return;
  const Mac& mac = answer_mac(*l);
  ArpPacket answer = blank_arp();
  answer.operation = be16(kArpReply);
  answer.sender_mac = mac;
  answer.sender_ip = arp.target_ip;
  answer.target_mac = arp.sender_mac;
  answer.target_ip = arp.sender_ip;
  answered(packet, *l, make_arp(pool_, {arp.sender_mac, mac, tags}, answer), out);
}

void Neighbours::arp_inside(Packet& packet, const ArpPacket& arp, Now now, Output& out) {
  if (arp.sender_ip == be32()) {
    if (arp.operation.host() == kArpRequest) expect_host(Address(arp.target_ip), now);
    return;
  }
  host_seen({Address(arp.sender_ip), arp.sender_mac, tags_of(packet), true, now.tick, {}}, now,
            out);
  const bool to_box = arp.target_mac == own_ || packet.ether().destination == own_;
  if (arp.operation.host() == kArpReply && to_box) packet.consume(Reason::neighbour_probe);
}

}  // namespace mitibox
