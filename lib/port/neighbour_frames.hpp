// SPDX-License-Identifier: BSD-3-Clause
/// ARP and ND frames of the box's own.
#pragma once

#include <rte_mempool.h>

#include <array>
#include <cstdint>
#include <optional>

#include "packet/packet.hpp"

namespace mitibox {

/// RFC 4861 4.3 and 4.4: solicitation and advertisement, before their options.
struct NdMessage {
  std::uint8_t type;
  std::uint8_t code;
  be16 checksum;
  be32 flags;
  std::array<std::uint8_t, 16> target;
};
static_assert(sizeof(NdMessage) == 24);
inline constexpr std::uint32_t kNdRouter = 0x80000000;
inline constexpr std::uint32_t kNdSolicited = 0x40000000;
inline constexpr std::uint32_t kNdOverride = 0x20000000;

/// RFC 4861 4.6.
struct NdOption {
  std::uint8_t type;
  std::uint8_t length;  ///< in units of 8 bytes, these two included; never 0
};
static_assert(sizeof(NdOption) == 2);

/// RFC 4861 4.6.1.
struct NdLinkOption {
  NdOption head;
  Mac mac;
};
static_assert(sizeof(NdLinkOption) == 8);
inline constexpr std::uint8_t kNdSourceLink = 1;
inline constexpr std::uint8_t kNdTargetLink = 2;

/// The VLAN tags of a frame, as they lie on the wire.
struct Tags {
  std::array<std::uint8_t, 8> bytes{};
  std::uint8_t count = 0;  ///< 0..2
};

Tags tags_of(const Packet& packet);
/// Whether both stand for the same VLAN; priorities and tag protocols may differ.
bool same_vlan(const Tags& a, const Tags& b);

struct Link {
  Mac destination, source;
  Tags tags;
};

struct NdFields {
  std::array<std::uint8_t, 16> source{};
  std::array<std::uint8_t, 16> destination{};
  std::uint8_t type = 0;
  std::uint32_t flags = 0;  ///< host byte order
  std::array<std::uint8_t, 16> target{};
  std::optional<Mac> target_link;  ///< as a target link-layer option
};

/// The frame, not padded; nullptr when the pool is empty or its buffers are too small.
rte_mbuf* make_arp(rte_mempool* pool, const Link& link, const ArpPacket& arp);
rte_mbuf* make_nd(rte_mempool* pool, const Link& link, const NdFields& fields);

/// An ARP packet for Ethernet and IPv4 with everything but the operation and addresses filled in.
constexpr ArpPacket blank_arp() {
  ArpPacket arp{};
  arp.hardware_type = be16(1);
  arp.protocol_type = be16(ethertype::kIpv4);
  arp.hardware_length = 6;
  arp.protocol_length = 4;
  return arp;
}
inline constexpr std::uint16_t kArpRequest = 1;
inline constexpr std::uint16_t kArpReply = 2;

/// ff02::1.
inline constexpr std::array<std::uint8_t, 16> kAllNodes{0xff, 2, 0, 0, 0, 0, 0, 0,
                                                        0,    0, 0, 0, 0, 0, 0, 1};
/// RFC 4291 2.7.1.
std::array<std::uint8_t, 16> solicited_node(const std::array<std::uint8_t, 16>& target);
/// RFC 2464 7.
Mac group_mac(const std::array<std::uint8_t, 16>& group);

}  // namespace mitibox
