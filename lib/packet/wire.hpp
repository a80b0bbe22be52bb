// SPDX-License-Identifier: BSD-3-Clause
/// Wire formats. Multi-byte fields are explicit big-endian types: they neither convert to nor
/// from integers by themselves, so a byte-order slip does not compile.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>

namespace mitibox {

template <std::unsigned_integral T>
class [[gnu::packed]] BigEndian {
 public:
  constexpr BigEndian() = default;
  /// From host byte order.
  constexpr explicit BigEndian(T host) : raw_(swap(host)) {}
  /// In host byte order.
  [[nodiscard]] constexpr T host() const { return swap(raw_); }
  /// As it lies in memory; for hashing and for checksums.
  [[nodiscard]] constexpr T raw() const { return raw_; }
  static constexpr BigEndian from_raw(T raw) {
    BigEndian b;
    b.raw_ = raw;
    return b;
  }
  friend constexpr bool operator==(BigEndian a, BigEndian b) { return a.raw_ == b.raw_; }

 private:
  static constexpr T swap(T v) {
    static_assert(std::endian::native == std::endian::little);
    if constexpr (sizeof(T) == 2) return __builtin_bswap16(v);
    if constexpr (sizeof(T) == 4) return __builtin_bswap32(v);
    if constexpr (sizeof(T) == 8) return __builtin_bswap64(v);
  }
  T raw_ = 0;
};

using be16 = BigEndian<std::uint16_t>;
using be32 = BigEndian<std::uint32_t>;

/// Ethernet address.
struct Mac {
  std::array<std::uint8_t, 6> bytes{};

  [[nodiscard]] constexpr bool is_group() const { return (bytes[0] & 1U) != 0; }
  /// As one number: compilers make a call to memcmp of a comparison of six bytes.
  [[nodiscard]] constexpr std::uint64_t number() const {
    std::uint64_t n = 0;
    for (const std::uint8_t b : bytes) n = n << 8U | b;
    return n;
  }
  friend constexpr bool operator==(const Mac& a, const Mac& b) { return a.number() == b.number(); }
};
inline constexpr Mac kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

namespace ethertype {
inline constexpr std::uint16_t kIpv4 = 0x0800;
inline constexpr std::uint16_t kArp = 0x0806;
inline constexpr std::uint16_t kVlan = 0x8100;
inline constexpr std::uint16_t kIpv6 = 0x86dd;
inline constexpr std::uint16_t kQinq = 0x88a8;
inline constexpr std::uint16_t kOldQinq = 0x9100;
}  // namespace ethertype

namespace protocol {
inline constexpr std::uint8_t kHopByHop = 0;
inline constexpr std::uint8_t kIcmp = 1;
inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kIpv6Routing = 43;
inline constexpr std::uint8_t kIpv6Fragment = 44;
inline constexpr std::uint8_t kIcmpv6 = 58;
inline constexpr std::uint8_t kNoNextHeader = 59;
inline constexpr std::uint8_t kDestinationOptions = 60;
}  // namespace protocol

struct EtherHeader {
  Mac destination;
  Mac source;
  be16 type;
};
static_assert(sizeof(EtherHeader) == 14);

struct VlanTag {
  be16 control;
  be16 type;
};
static_assert(sizeof(VlanTag) == 4);

/// RFC 826, for Ethernet and IPv4.
struct ArpPacket {
  be16 hardware_type;
  be16 protocol_type;
  std::uint8_t hardware_length;
  std::uint8_t protocol_length;
  be16 operation;
  Mac sender_mac;
  be32 sender_ip;
  Mac target_mac;
  be32 target_ip;
};
static_assert(sizeof(ArpPacket) == 28);

/// RFC 791.
struct Ipv4Header {
  std::uint8_t version_ihl;
  std::uint8_t tos;
  be16 total_length;
  be16 id;
  be16 fragment;  ///< reserved, DF, MF, 13 bits of offset in units of 8 bytes
  std::uint8_t ttl;
  std::uint8_t protocol;
  be16 checksum;
  be32 source;
  be32 destination;

  [[nodiscard]] constexpr std::uint16_t header_length() const {
    return static_cast<std::uint16_t>((version_ihl & 0x0fU) * 4U);
  }
};
static_assert(sizeof(Ipv4Header) == 20);
inline constexpr std::uint16_t kIpv4Reserved = 0x8000;
inline constexpr std::uint16_t kIpv4DontFragment = 0x4000;
inline constexpr std::uint16_t kIpv4MoreFragments = 0x2000;
inline constexpr std::uint16_t kIpv4OffsetMask = 0x1fff;

/// RFC 8200.
struct Ipv6Header {
  be32 version_class_flow;
  be16 payload_length;
  std::uint8_t next_header;
  std::uint8_t hop_limit;
  std::array<std::uint8_t, 16> source;
  std::array<std::uint8_t, 16> destination;
};
static_assert(sizeof(Ipv6Header) == 40);

/// RFC 8200 section 4.5.
struct Ipv6FragmentHeader {
  std::uint8_t next_header;
  std::uint8_t reserved;
  be16 offset_more;  ///< 13 bits of offset in units of 8 bytes, 2 reserved, M
  be32 id;
};
static_assert(sizeof(Ipv6FragmentHeader) == 8);

/// RFC 9293.
struct TcpHeader {
  be16 source_port;
  be16 destination_port;
  be32 sequence;
  be32 acknowledgement;
  std::uint8_t offset_reserved;  ///< data offset in words (high 4 bits), reserved, AE
  std::uint8_t flags;
  be16 window;
  be16 checksum;
  be16 urgent;

  [[nodiscard]] constexpr std::uint16_t header_length() const {
    return static_cast<std::uint16_t>((offset_reserved >> 4U) * 4U);
  }
};
static_assert(sizeof(TcpHeader) == 20);

namespace tcp {
inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kPsh = 0x08;
inline constexpr std::uint8_t kAck = 0x10;
inline constexpr std::uint8_t kUrg = 0x20;
inline constexpr std::uint8_t kEce = 0x40;
inline constexpr std::uint8_t kCwr = 0x80;

inline constexpr std::uint8_t kOptionEnd = 0;
inline constexpr std::uint8_t kOptionNop = 1;
inline constexpr std::uint8_t kOptionMss = 2;
inline constexpr std::uint8_t kOptionWindowScale = 3;
inline constexpr std::uint8_t kOptionSackPermitted = 4;
inline constexpr std::uint8_t kOptionSack = 5;
inline constexpr std::uint8_t kOptionTimestamps = 8;
inline constexpr std::uint8_t kOptionMd5 = 19;  ///< RFC 2385
inline constexpr std::uint8_t kOptionAo = 29;   ///< RFC 5925
}  // namespace tcp

/// RFC 768.
struct UdpHeader {
  be16 source_port;
  be16 destination_port;
  be16 length;
  be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8);

/// RFC 792 and RFC 4443: the first eight bytes, which both share.
struct IcmpHeader {
  std::uint8_t type;
  std::uint8_t code;
  be16 checksum;
  be16 id;        ///< echo: identifier
  be16 sequence;  ///< echo: sequence number; error 3/4: next-hop MTU
};
static_assert(sizeof(IcmpHeader) == 8);

namespace icmp4 {
inline constexpr std::uint8_t kEchoReply = 0;
inline constexpr std::uint8_t kUnreachable = 3;
inline constexpr std::uint8_t kEcho = 8;
inline constexpr std::uint8_t kTimeExceeded = 11;
inline constexpr std::uint8_t kParameterProblem = 12;
inline constexpr std::uint8_t kCodePort = 3;
inline constexpr std::uint8_t kCodeFragmentationNeeded = 4;
}  // namespace icmp4

namespace icmp6 {
inline constexpr std::uint8_t kUnreachable = 1;
inline constexpr std::uint8_t kPacketTooBig = 2;
inline constexpr std::uint8_t kTimeExceeded = 3;
inline constexpr std::uint8_t kParameterProblem = 4;
inline constexpr std::uint8_t kEcho = 128;
inline constexpr std::uint8_t kEchoReply = 129;
inline constexpr std::uint8_t kMldQuery = 130;
inline constexpr std::uint8_t kMldDone = 132;
inline constexpr std::uint8_t kRouterSolicitation = 133;
inline constexpr std::uint8_t kNeighbourSolicitation = 135;
inline constexpr std::uint8_t kNeighbourAdvertisement = 136;
inline constexpr std::uint8_t kRedirect = 137;
inline constexpr std::uint8_t kMld2Report = 143;
inline constexpr std::uint8_t kCodePort = 4;
}  // namespace icmp6

}  // namespace mitibox
