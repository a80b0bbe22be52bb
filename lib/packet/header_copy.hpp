// SPDX-License-Identifier: BSD-3-Clause
/// What is kept of a TCP segment so that a frame can be made of it after its buffer is gone.
#pragma once

#include <array>
#include <cstring>

#include "packet/packet.hpp"
#include "packet/parse.hpp"

namespace mitibox {

/// Ethernet, IP and fixed TCP header of one segment. Trivially copyable.
class HeaderCopy {
 public:
  HeaderCopy() = default;
  /// `segment`: TCP, unfragmented, scrubbed.
  explicit HeaderCopy(const Packet& segment)
      : l3_(static_cast<std::uint8_t>(segment.l3)),
        l4_(static_cast<std::uint8_t>(segment.l4)),
        tags_(segment.tags),
        family_(segment.family),
        from_(segment.from),
        ether_type_(segment.ether_type) {
    std::memcpy(bytes_.data(), segment.data(), l4_ + sizeof(TcpHeader));
  }

  /// The segment without options and data; `frame` is null. Good as long as this lives.
  [[nodiscard]] Packet packet() const {
    Packet p;
    p.bytes = const_cast<std::uint8_t*>(bytes_.data());  // NOLINT: who reads it does not write
    p.from = from_;
    p.klass = from_ == Side::outside ? Class::inbound : Class::outbound;
    p.family = family_;
    p.protocol = protocol::kTcp;
    p.tags = tags_;
    p.ether_type = ether_type_;
    p.l3 = l3_;
    p.l4 = l4_;
    p.payload = p.end = static_cast<std::uint16_t>(l4_ + sizeof(TcpHeader));
    const TcpHeader& h = p.tcp();
    p.tcp_flags = h.flags;
    p.source_port = h.source_port.host();
    p.destination_port = h.destination_port.host();
    p.sequence = h.sequence.host();
    p.acknowledgement = h.acknowledgement.host();
    p.window = h.window.host();
    set_flow_key(p, Side::outside);
    return p;
  }

 private:
  std::array<std::uint8_t, sizeof(EtherHeader) + 8 + sizeof(Ipv6Header) + sizeof(TcpHeader)>
      bytes_{};
  std::uint8_t l3_ = 0;
  std::uint8_t l4_ = 0;
  std::uint8_t tags_ = 0;
  Family family_ = Family::none;
  Side from_ = Side::outside;
  std::uint16_t ether_type_ = 0;
};

}  // namespace mitibox
