// SPDX-License-Identifier: BSD-3-Clause
/// What the rooms know of one frame: where its headers lie, whose it is, what becomes of it.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <span>

#include "chain/reasons.hpp"
#include "packet/address.hpp"
#include "packet/wire.hpp"

namespace mitibox {

/// The two ends of the wire. Also the index of a port in the box's own arrays.
enum class Side : std::uint8_t { outside = 0, inside = 1 };
inline constexpr std::size_t kSides = 2;
constexpr Side other(Side s) {
  return s == Side::outside ? Side::inside : Side::outside;
}
constexpr std::size_t index(Side s) {
  return static_cast<std::size_t>(s);
}

enum class Family : std::uint8_t { none, v4, v6 };

/// What classification made of the frame, before any rule.
enum class Class : std::uint8_t {
  pass,       ///< goes to the other port untouched
  neighbour,  ///< ARP, or an IPv6 neighbour solicitation or advertisement
  inbound,    ///< handled: from outside, to a protected address, from an unprotected one
  outbound,   ///< handled: from inside, from a protected address, to an unprotected one
};

inline constexpr std::size_t kClasses = 4;

/// What becomes of the frame.
enum class Verdict : std::uint8_t {
  pending,   ///< not judged yet
  forward,   ///< out of the other port
  drop,      ///< freed, counted under `reason`
  divert,    ///< to Reply
  consumed,  ///< the box was its end; freed, counted under `reason`
  // The frame has left this burst.
  handed,  ///< to the worker that owns its source
  gather,  ///< a fragment: with the others of its datagram
  held,    ///< a client's segment: until its host has answered the box
};

/// How the Tracker sees a handled packet.
enum class Standing : std::uint8_t {
  unknown,  ///< not looked up yet
  known,    ///< belongs to a connection
  opening,  ///< may open one
  covered,  ///< belongs to a connection for whose host the box still speaks
  related,  ///< an ICMP error that quotes a packet of a connection
  stray,    ///< neither
};

/// Whether a TCP segment's host keeps less than its client was promised (MSS, SACK), and where such
/// a client's segment starts.
enum class Limited : std::uint8_t {
  no,
  yes,     ///< where its host expects it, or before; or the host's own
  beyond,  ///< behind what its host has acknowledged
  ahead,   ///< behind the end of all that went before it: there is a gap
};

enum class Fragment : std::uint8_t { none, first, later };

/// Identity of a flow, the same in both directions: the outside end comes first.
/// IPv4 uses two words (outside | inside << 32; ports and protocol), IPv6 five (outside, inside,
/// ports and protocol). Addresses and ports as they lie on the wire.
/// TCP, UDP: both ports. Echo: the identifier as the port of the side that asked, 0 for the other.
/// Other protocols: ports 0.
struct FlowKey {
  std::array<std::uint64_t, 5> words{};

  [[nodiscard]] std::span<const std::uint64_t> used(Family family) const {
    return {words.data(), family == Family::v4 ? 2U : 5U};
  }
  friend constexpr bool operator==(const FlowKey&, const FlowKey&) = default;
};
inline constexpr std::size_t kKeySizeV4 = 16;
inline constexpr std::size_t kKeySizeV6 = 40;

/// One end of a flow: address, and port or echo identifier (0 where there is none).
struct End {
  Address address;
  be16 port;
};

FlowKey make_flow_key(Family family, std::uint8_t protocol, const End& outside, const End& inside);

struct Packet {
  rte_mbuf* frame = nullptr;      ///< nullptr once the frame has left this burst
  std::uint8_t* bytes = nullptr;  ///< where its data starts, since parse

  // Written by parse and classification.
  Side from = Side::outside;  ///< the port it came in by
  Class klass = Class::pass;
  Family family = Family::none;  ///< none: not IP
  std::uint8_t protocol = 0;     ///< of the upper layer, behind IPv6 extension headers
  Fragment fragment = Fragment::none;
  bool exempt = false;           ///< a gateway's ICMP error: passes, whatever it is about
  std::uint8_t tags = 0;         ///< VLAN tags, 0..2
  std::uint8_t tcp_flags = 0;    ///< as they stand after scrubbing
  std::uint16_t ether_type = 0;  ///< behind the tags, host byte order

  // Offsets from the first byte of the frame; all lie within its data, `end` included.
  std::uint16_t l3 = 0;
  std::uint16_t l4 = 0;
  std::uint16_t payload = 0;  ///< behind the TCP, UDP or ICMP header
  std::uint16_t end = 0;      ///< end of the IP datagram

  /// Host byte order. TCP, UDP: ports; echo: the identifier in both; else 0.
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint16_t host_mss = 0;         ///< written by the Tracker; TcpEnd::mss of where it goes
  std::uint32_t sequence = 0;         ///< TCP, host byte order
  std::uint32_t acknowledgement = 0;  ///< TCP, host byte order
  std::uint32_t window = 0;           ///< TCP, as on the wire, unscaled

  // Written by the Tracker.
  Standing standing = Standing::unknown;
  Verdict verdict = Verdict::pending;
  Reason reason{};  ///< meaningful for drop and consumed
  Limited limited = Limited::no;
  std::int32_t connection = -1;  ///< index of the connection record, -1: none
  std::uint32_t hash = 0;        ///< keyed hash of `key`, of the connection table
  FlowKey key;

  [[nodiscard]] std::uint8_t* data() const { return bytes; }
  [[nodiscard]] std::uint16_t payload_length() const {
    return static_cast<std::uint16_t>(end - payload);
  }
  [[nodiscard]] EtherHeader& ether() const { return at<EtherHeader>(0); }
  [[nodiscard]] Ipv4Header& ipv4() const { return at<Ipv4Header>(l3); }
  [[nodiscard]] Ipv6Header& ipv6() const { return at<Ipv6Header>(l3); }
  [[nodiscard]] TcpHeader& tcp() const { return at<TcpHeader>(l4); }
  [[nodiscard]] UdpHeader& udp() const { return at<UdpHeader>(l4); }
  [[nodiscard]] IcmpHeader& icmp() const { return at<IcmpHeader>(l4); }

  [[nodiscard]] Address source() const {
    return family == Family::v4 ? Address(ipv4().source) : Address(ipv6().source);
  }
  [[nodiscard]] Address destination() const {
    return family == Family::v4 ? Address(ipv4().destination) : Address(ipv6().destination);
  }
  [[nodiscard]] Address outside_address() const {
    return from == Side::outside ? source() : destination();
  }
  [[nodiscard]] Address inside_address() const {
    return from == Side::outside ? destination() : source();
  }
  /// Where an inbound opening packet goes; the port is 0 for echo and protocols without ports.
  [[nodiscard]] Destination target() const {
    const bool ports = protocol == protocol::kTcp || protocol == protocol::kUdp;
    return {destination(), ports ? destination_port : std::uint16_t{0}, protocol};
  }
  [[nodiscard]] bool is_icmp() const {
    return protocol == (family == Family::v4 ? protocol::kIcmp : protocol::kIcmpv6);
  }

  void drop(Reason why) {
    verdict = Verdict::drop;
    reason = why;
  }
  void consume(Reason why) {
    verdict = Verdict::consumed;
    reason = why;
  }
  void forward() { verdict = Verdict::forward; }

 private:
  /// The header at an offset that parse has bounds-checked.
  template <typename Header>
  [[nodiscard]] Header& at(std::uint16_t offset) const {
    return *reinterpret_cast<Header*>(data() + offset);
  }
};

inline constexpr std::size_t kBurst = 32;

}  // namespace mitibox
