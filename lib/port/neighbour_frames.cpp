// SPDX-License-Identifier: BSD-3-Clause
#include "port/neighbour_frames.hpp"

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>

#include "packet/checksum.hpp"

namespace mitibox {

namespace {

constexpr std::size_t kMacs = 2 * sizeof(Mac);
constexpr std::uint8_t kHopLimit = 255;

template <typename T>
std::uint8_t* put(std::uint8_t* at, const T& value) {
  std::memcpy(at, &value, sizeof(T));
  return at + sizeof(T);
}

struct Started {
  rte_mbuf* frame = nullptr;
  std::uint8_t* body = nullptr;  ///< behind the Ethernet header
};

/// A frame with its Ethernet header and room for `length` bytes behind it.
Started start(rte_mempool* pool, const Link& link, be16 type, std::size_t length) {
  const std::size_t tags = link.tags.count * sizeof(VlanTag);
  const auto total = static_cast<std::uint16_t>(sizeof(EtherHeader) + tags + length);
  if (rte_pktmbuf_data_room_size(pool) < RTE_PKTMBUF_HEADROOM + total) return {};
  rte_mbuf* frame = rte_pktmbuf_alloc(pool);
  if (frame == nullptr) return {};
  auto* at = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(frame, total));
  at = put(at, link.destination);
  at = put(at, link.source);
  std::memcpy(at, link.tags.bytes.data(), tags);
  return {frame, put(at + tags, type)};
}

be16 vlan_id(const Tags& tags, std::size_t i) {
  be16 control;
  std::memcpy(&control, &tags.bytes[i * sizeof(VlanTag) + sizeof(be16)], sizeof control);
  return be16(control.host() & 0x0fffU);
}

}  // namespace

Tags tags_of(const Packet& packet) {
  Tags tags;
  tags.count = std::min<std::uint8_t>(packet.tags, 2);
  std::memcpy(tags.bytes.data(), packet.data() + kMacs, tags.count * sizeof(VlanTag));
  return tags;
}

bool same_vlan(const Tags& a, const Tags& b) {
  if (a.count != b.count) return false;
  for (std::size_t i = 0; i < a.count; ++i)
    if (vlan_id(a, i) != vlan_id(b, i)) return false;
  return true;
}

rte_mbuf* make_arp(rte_mempool* pool, const Link& link, const ArpPacket& arp) {
  const Started s = start(pool, link, be16(ethertype::kArp), sizeof arp);
  if (s.frame != nullptr) put(s.body, arp);
  return s.frame;
}

rte_mbuf* make_nd(rte_mempool* pool, const Link& link, const NdFields& fields) {
  const std::size_t options = fields.target_link ? sizeof(NdLinkOption) : 0;
  const auto length = static_cast<std::uint16_t>(sizeof(NdMessage) + options);
  const Started s = start(pool, link, be16(ethertype::kIpv6), sizeof(Ipv6Header) + length);
  if (s.frame == nullptr) return nullptr;

  const Ipv6Header ip{be32(6U << 28U), be16(length),  protocol::kIcmpv6,
                      kHopLimit,       fields.source, fields.destination};
  NdMessage message{fields.type, 0, be16(), be32(fields.flags), fields.target};
  std::uint64_t sum = pseudo_sum(ip, protocol::kIcmpv6, length);
  NdLinkOption option{{kNdTargetLink, 1}, fields.target_link.value_or(Mac{})};
  sum += sum_bytes(reinterpret_cast<const std::uint8_t*>(&message), sizeof message);
  if (options != 0) sum += sum_bytes(reinterpret_cast<const std::uint8_t*>(&option), sizeof option);
  message.checksum = checksum_of(sum);

  std::uint8_t* at = put(put(s.body, ip), message);
  if (options != 0) put(at, option);
  return s.frame;
}

std::array<std::uint8_t, 16> solicited_node(const std::array<std::uint8_t, 16>& target) {
  return {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, target[13], target[14], target[15]};
}

Mac group_mac(const std::array<std::uint8_t, 16>& group) {
  return {{0x33, 0x33, group[12], group[13], group[14], group[15]}};
}

}  // namespace mitibox
