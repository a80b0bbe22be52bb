// SPDX-License-Identifier: BSD-3-Clause
/// The one maker of frames that the box sends as an answer to a frame it received.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <span>

#include "packet/packet.hpp"

namespace mitibox {

/// What the IP header of a made packet says beyond what follows from the probe. TOS, traffic class
/// and ECN are always 0.
struct IpFields {
  std::uint8_t ttl = 128;        ///< or hop limit
  bool dont_fragment = false;    ///< IPv4 only
  std::uint16_t id = 0;          ///< IPv4 only, host byte order
  std::uint32_t flow_label = 0;  ///< IPv6 only, 20 bits, host byte order
};

/// A TCP segment without payload. Numbers in host byte order.
struct TcpFields {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;                  ///< as on the wire
  std::span<const std::uint32_t> options{};  ///< as they lie on the wire; at most 10 words
  bool onward = false;  ///< the way that the probe goes, not back to its sender
};

namespace detail {
bool may_answer_v6(const Packet& probe);
}

/// Whether `probe` may be answered at all: its sender and its destination are single hosts on both
/// layers, and its source could be genuine (RFC 1122 3.2.1.3, RFC 6890, RFC 4291 2.7).
inline bool may_answer(const Packet& probe) {
  const EtherHeader& ether = probe.ether();
  if (ether.source.is_group() || ether.destination.is_group()) return false;
  if (probe.family == Family::v4) {
    const Ipv4Header& ip = probe.ipv4();
    return !is_martian_v4(ip.source) && !is_martian_v4(ip.destination) &&
           ip.source != ip.destination;
  }
  return probe.family == Family::v6 && detail::may_answer_v6(probe);
}

/// Answers go back the way the probe came: MACs, addresses and ports swapped, VLAN tags as they
/// were; segments that are marked so go on in its stead. Every function returns nullptr when the
/// pool is empty or its buffers are too small; the frame is the caller's otherwise. Checksums are
/// complete; padding to 60 bytes is Transmit's. Owned by one lcore, like its pool.
class Builder {
 public:
  explicit Builder(rte_mempool* pool) : pool_(pool) {}

  /// Takes buffers for many frames at once; false when there are not as many.
  [[nodiscard]] bool take(std::span<rte_mbuf*> frames) const {
    return rte_pktmbuf_alloc_bulk(pool_, frames.data(), static_cast<unsigned>(frames.size())) == 0;
  }

  /// A segment to the sender of the TCP segment `probe`, or to its destination. `taken`: the buffer
  /// to use, from take().
  rte_mbuf* tcp(const Packet& probe, const IpFields& ip, const TcpFields& fields,
                rte_mbuf* taken = nullptr) const;

  /// As tcp(), with data behind the header.
  rte_mbuf* data(const Packet& probe, const IpFields& ip, const TcpFields& fields,
                 std::span<const std::uint8_t> payload) const;

  /// The reply to an unfragmented echo request, of the same length: identifier, sequence number and
  /// data verbatim, code 0 (RFC 792, RFC 4443 4.2).
  rte_mbuf* echo_reply(const Packet& request, const IpFields& ip) const;

  /// Port unreachable, quoting the IP header and eight bytes of the datagram `probe` (RFC 792).
  rte_mbuf* port_unreachable(const Packet& probe, const IpFields& ip) const;

  /// Length of that message's IP datagram, in bytes.
  static std::uint16_t unreachable_length(const Packet& probe);

 private:
  /// A frame whose Ethernet and IP headers are written.
  struct Draft {
    rte_mbuf* frame = nullptr;
    std::uint8_t* upper = nullptr;  ///< first byte of the upper layer
    std::uint16_t length = 0;       ///< of the upper layer
    std::uint64_t pseudo_sum = 0;   ///< of its pseudo header
  };
  struct Upper {
    std::uint8_t protocol;
    std::uint16_t length;  ///< bytes
    bool onward = false;
  };
  Draft start(const Packet& probe, const IpFields& fields, Upper upper,
              rte_mbuf* taken = nullptr) const;

  rte_mempool* pool_;
};

}  // namespace mitibox
