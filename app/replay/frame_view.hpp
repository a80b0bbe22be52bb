// SPDX-License-Identifier: BSD-3-Clause
/// The little that replay must know of a frame by itself: who sends it, to which flow it belongs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "packet/packet.hpp"

namespace mitibox::replay {

/// Values, not references: outlives the frame. Only what lies within the captured bytes is set.
struct FrameView {
  std::optional<Mac> mac;  ///< of the sender
  bool arp = false;        ///< `source` and `destination` are those of an ARP packet
  Family family = Family::none;
  Address source, destination;  ///< meaningful unless family is none, or for ARP
  std::uint8_t protocol = 0;    ///< IPv6: the first next header
  Fragment fragment = Fragment::none;
  bool transport = false;  ///< TCP, UDP or ICMP header complete: the fields below hold
  std::uint16_t source_port = 0, destination_port = 0;  ///< host byte order; echo: the identifier
  bool echo_request = false, echo_reply = false;
  std::uint8_t tcp_flags = 0;
  std::uint32_t sequence = 0, acknowledgement = 0;  ///< host byte order
  std::size_t l4 = 0;                               ///< offset of the transport header
  std::size_t tcp_length = 0;                       ///< TCP header with options, as far as captured

  [[nodiscard]] bool is_tcp() const { return transport && protocol == protocol::kTcp; }
  [[nodiscard]] bool is_udp() const { return transport && protocol == protocol::kUdp; }
  [[nodiscard]] bool is_syn() const {
    return is_tcp() && (tcp_flags & (tcp::kSyn | tcp::kAck | tcp::kRst | tcp::kFin)) == tcp::kSyn;
  }
  [[nodiscard]] bool is_syn_ack() const {
    return is_tcp() && (tcp_flags & (tcp::kSyn | tcp::kAck | tcp::kRst)) == (tcp::kSyn | tcp::kAck);
  }
};

FrameView view(std::span<std::uint8_t> frame);

/// A flow whose outside end is known; both directions give the same.
struct Flow {
  FlowKey key;

  struct Hash {
    std::size_t operator()(const Flow& flow) const;
  };
  friend bool operator==(const Flow&, const Flow&) = default;
};

/// Nothing for frames without IP and for fragments.
std::optional<Flow> flow_of(const FrameView& frame, Side from);

struct AddressHash {
  std::size_t operator()(const Address& address) const;
};

}  // namespace mitibox::replay
