// SPDX-License-Identifier: BSD-3-Clause
/// Opening packets without frames: what Probability reads, and no more.
#pragma once

#include "base/time.hpp"
#include "packet/packet.hpp"

namespace mitibox::test {

inline Address v4(std::uint32_t host_order) {
  return Address(be32(host_order));
}

inline Address v6(std::uint64_t network, std::uint64_t host) {
  std::array<std::uint8_t, 16> bytes{};
  for (unsigned i = 0; i < 8; ++i) {
    bytes[7 - i] = static_cast<std::uint8_t>(network >> (8 * i));
    bytes[15 - i] = static_cast<std::uint8_t>(host >> (8 * i));
  }
  return Address(bytes);
}

inline Packet opening(std::uint8_t protocol, const End& outside, const End& inside) {
  Packet p;
  p.family = outside.address.is_v4() ? Family::v4 : Family::v6;
  p.klass = Class::inbound;
  p.protocol = protocol;
  p.key = make_flow_key(p.family, protocol, outside, inside);
  return p;
}

/// The SYN number `n` of a scanner: its own port and ISN each.
inline Packet syn(std::uint32_t n, std::uint32_t isn) {
  Packet p =
      opening(protocol::kTcp, {v4(0xc6336400U + (n >> 16U)), be16(static_cast<std::uint16_t>(n))},
              {v4(0xcb007100U + (n & 0xffU)), be16(80)});
  p.sequence = isn;
  return p;
}

inline Packet datagram(std::uint32_t n) {
  return opening(protocol::kUdp,
                 {v4(0xc6336400U + (n >> 16U)), be16(static_cast<std::uint16_t>(n))},
                 {v4(0xcb007135U), be16(53)});
}

inline Now at_ms(std::int64_t ms) {
  return Now(std::chrono::milliseconds(ms));
}

}  // namespace mitibox::test
