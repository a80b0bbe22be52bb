// SPDX-License-Identifier: BSD-3-Clause
// IPv6 neighbour discovery (RFC 4861, RFC 4862) through Neighbours.
#include "packet/checksum.hpp"
#include "packet/cursor.hpp"
#include "port/neighbours.hpp"

namespace mitibox {

namespace {

constexpr std::uint8_t kOnLink = 255;  // RFC 4861 7.1: no router has passed it on

bool is_link_local(const Address& a) {
  return a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0U) == 0x80;
}

}  // namespace

bool Neighbours::parse_nd(const Packet& packet, NdView& nd) {
  Cursor at(packet.data() + packet.l4, static_cast<std::size_t>(packet.end - packet.l4));
  nd.message = at.take<NdMessage>();
  if (nd.message == nullptr) return false;
  const bool asks = nd.message->type == icmp6::kNeighbourSolicitation;
  while (at.left() > 0) {
    const NdOption* option = at.peek<NdOption>();
    if (option == nullptr || option->length == 0) return false;
    const NdLinkOption* link = at.peek<NdLinkOption>();
    if (!at.skip(std::size_t{8} * option->length)) return false;
    if (option->type == (asks ? kNdSourceLink : kNdTargetLink) && option->length == 1)
      nd.link = &link->mac;
  }
  return true;
}

void Neighbours::process_nd(Packet& packet, Now now, Output& out) {
  packet.forward();
  if (packet.ether().source == own_) {  // brought back by a loop
    packet.consume(Reason::neighbour_probe);
    return;
  }
  NdView nd;
  if (!parse_nd(packet, nd)) {
    packet.drop(Reason::neighbour_invalid);
    return;
  }
  const NdMessage& message = *nd.message;
  const bool asks = message.type == icmp6::kNeighbourSolicitation;
  if ((!asks && message.type != icmp6::kNeighbourAdvertisement) || message.code != 0 ||
      packet.ipv6().hop_limit != kOnLink)
    return;
  // An IPv4-mapped address would be taken for the IPv4 one.
  const Address source(packet.ipv6().source);
  const Address target(message.target);
  if (source.is_v4() || target.is_v4()) {
    packet.drop(Reason::neighbour_invalid);
    return;
  }
  const auto length = static_cast<std::uint16_t>(packet.end - packet.l4);
  const std::uint64_t sum = pseudo_sum(packet.ipv6(), protocol::kIcmpv6, length) +
                            sum_bytes(packet.data() + packet.l4, length);
  if (fold(sum) != 0xffff) return;  // its receiver ignores it, and so does the box
  if (packet.from == Side::outside)
    nd_outside(packet, nd, now, out);
  else
    nd_inside(packet, nd, now, out);
}

void Neighbours::nd_outside(Packet& packet, const NdView& nd, Now now, Output& out) {
  const Address source(packet.ipv6().source);
  const Address target(nd.message->target);
  const Mac& mac = nd.link != nullptr ? *nd.link : packet.ether().source;
  if (source == Address() || !usable(mac)) return;
  seen_outside(packet, source, mac, now);
  if (nd.message->type == icmp6::kNeighbourAdvertisement) {
    if (target != source) claimed_outside(target, mac, now);
    return;
  }
  // Routers solicit from their link-local address, too.
  if (source == target || !(gateways_.contains(source) || is_link_local(source))) return;
  Listed* l = listed(target);
  if (l == nullptr) return;
  learn_gateway_mac(packet.ether().source);
  const Tags tags = tags_of(packet);
  if (!answers_for(*l, tags, now, out)) {
    redirect(packet, *l);
    return;
  }
  if (out.count == kMaxFrames) return;
  const bool live = l->state == Listed::State::live;
  const Mac& owner = answer_mac(*l);
  NdFields answer;
  answer.source = answer.target = nd.message->target;
  answer.destination = packet.ipv6().source;
  answer.type = icmp6::kNeighbourAdvertisement;
  answer.flags = kNdSolicited | kNdOverride | (live && l->router ? kNdRouter : 0);
  answer.target_link = owner;
  answered(packet, *l, make_nd(pool_, {mac, owner, tags}, answer), out);
}

void Neighbours::nd_inside(Packet& packet, const NdView& nd, Now now, Output& out) {
  const Address source(packet.ipv6().source);
  const Address target(nd.message->target);
  const bool asks = nd.message->type == icmp6::kNeighbourSolicitation;
  const Mac& mac = nd.link != nullptr ? *nd.link : packet.ether().source;
  const Tags tags = tags_of(packet);
  if (source == Address()) {
    if (asks) expect_host(target, now);
    return;
  }
  if (asks) {
    host_seen({source, mac, tags, true, now.tick, {}}, now, out);
    return;
  }
  const bool router = (nd.message->flags.host() & kNdRouter) != 0;
  host_seen({target, mac, tags, true, now.tick, router}, now, out);
  // The MAC is the target's, which another than its owner may advertise.
  if (target != source)
    host_seen({source, packet.ether().source, tags, false, now.tick, {}}, now, out);
  if (packet.ether().destination == own_) packet.consume(Reason::neighbour_probe);
}

}  // namespace mitibox
