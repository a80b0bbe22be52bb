// SPDX-License-Identifier: BSD-3-Clause
#include "scrubber/scrubber.hpp"

#include <algorithm>

namespace mitibox {

namespace {

constexpr std::uint16_t kMaxEchoPayload = 1472;
constexpr std::uint16_t kMinMtuV4 = 576;  // what every host takes (RFC 791)
constexpr std::uint16_t kMinMtuV6 = 1280;

bool is_martian_v6(const std::array<std::uint8_t, 16>& a) {
  if (a[0] == 0xff) return true;
  // ::/96 holds the unspecified, loopback and IPv4-compatible addresses, ::ffff:0:0/96 the mapped.
  const bool zeros = std::all_of(a.begin(), a.begin() + 10, [](auto b) { return b == 0; });
  return zeros && ((a[10] == 0 && a[11] == 0) || (a[10] == 0xff && a[11] == 0xff));
}

}  // namespace

Scrubber::Scrubber(const Policy& policy, bool verified_checksums)
    : ecn_(policy.normalise.ecn),
      verified_checksums_(verified_checksums),
      lays_options_{policy.normalise.options && policy.admission == Policy::Admission::forward,
                    policy.normalise.options} {
  for (const Prefix& prefix : policy.protected_prefixes)
    if (prefix.address.is_v4() && prefix.bits <= 30) broadcasts_.push_back(prefix.last().v4());
}

Scrubber::Result Scrubber::scrub_upper(Packet& p) const {
  if (p.fragment != Fragment::none) return scrub_fragment(p);
  if (p.protocol == protocol::kTcp) return scrub_tcp(p);
  if (p.protocol == protocol::kUdp) return scrub_udp(p);
  if (p.is_icmp()) return scrub_icmp(p);
  if (p.protocol == protocol::kIcmp || p.protocol == protocol::kIcmpv6) return Reason::icmp_type;
  p.payload = p.l4;
  return std::nullopt;
}

// S-FRAG-3, S-FRAG-5: what one fragment shows alone.
Scrubber::Result Scrubber::scrub_fragment(Packet& p) const {
  if (!fragment_fits(p)) return Reason::fragment_bounds;
  if (p.is_icmp()) return Reason::fragment_icmp;
  if (p.protocol == protocol::kIcmp || p.protocol == protocol::kIcmpv6) return Reason::icmp_type;
  if (p.fragment == Fragment::first && !holds_transport_header(p)) return Reason::fragment_first;
  p.verdict = Verdict::gather;
  return std::nullopt;
}

Scrubber::Result Scrubber::scrub_ipv6(Packet& p) const {
  const Ipv6Header& ip = p.ipv6();
  if (is_martian_v6(p.from == Side::outside ? ip.source : ip.destination))
    return Reason::ip_martian;  // S-IP6-1
  if (p.protocol == protocol::kIpv6Fragment) {
    const auto* header =
        Cursor(p.data() + p.l4, static_cast<std::size_t>(p.end - p.l4)).peek<Ipv6FragmentHeader>();
    if (header == nullptr) return Reason::ip6_extension;
    const std::uint16_t field = header->offset_more.host();
    p.protocol = header->next_header;
    if ((field & 0xfff9U) == 0) {
      strip_fragment_header(p);
    } else {
      p.fragment = (field & 0xfff8U) != 0 ? Fragment::later : Fragment::first;
      p.l4 = static_cast<std::uint16_t>(p.l4 + sizeof *header);
      if (p.fragment == Fragment::later) return std::nullopt;
    }
  }
  switch (p.protocol) {  // S-IP6-2 to 5
    case protocol::kHopByHop:
      return Reason::ip6_hop_by_hop;
    case protocol::kIpv6Routing:
      return Reason::ip6_routing;
    case protocol::kIpv6Fragment:
    case protocol::kDestinationOptions:
    case protocol::kNoNextHeader:
    case 135:  // Mobility
    case 139:  // HIP
    case 140:  // Shim6
    case 253:  // experiments (RFC 4727)
    case 254:
      return Reason::ip6_extension;
    default:
      return std::nullopt;
  }
}

Scrubber::Result Scrubber::scrub_udp(Packet& p) const {
  const auto length = static_cast<std::uint16_t>(p.end - p.l4);
  const auto* udp = Cursor(p.data() + p.l4, length).peek<UdpHeader>();
  if (udp == nullptr) return Reason::udp_header;
  const std::uint16_t said = udp->length.host();
  if (said < sizeof(UdpHeader) || said > length) return Reason::udp_header;  // S-UDP-1
  if (said < length) {
    p.end = static_cast<std::uint16_t>(p.l4 + said);
    shorten(p);
  }
  if (udp->checksum.raw() == 0) {
    if (p.family == Family::v6) return Reason::udp_checksum;
  } else if (!verified(p, RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_GOOD) &&
             !detail::checksum_holds(p)) {
    return Reason::udp_checksum;
  }
  p.source_port = udp->source_port.host();
  p.destination_port = udp->destination_port.host();
  if (p.source_port == 0 || p.destination_port == 0) return Reason::udp_port;
  p.payload = static_cast<std::uint16_t>(p.l4 + sizeof(UdpHeader));
  return std::nullopt;
}

Scrubber::Result Scrubber::scrub_icmp(Packet& p) const {
  const auto length = static_cast<std::uint16_t>(p.end - p.l4);
  const auto* icmp = Cursor(p.data() + p.l4, length).peek<IcmpHeader>();
  if (icmp == nullptr) return Reason::icmp_header;
  const std::uint64_t pseudo = p.family == Family::v4 ? 0 : detail::pseudo_of(p, length);
  if (fold(pseudo + sum_bytes(p.data() + p.l4, length)) != 0xffff) return Reason::icmp_checksum;
  p.payload = static_cast<std::uint16_t>(p.l4 + sizeof(IcmpHeader));

  const bool v4 = p.family == Family::v4;
  const bool asks = icmp->type == (v4 ? icmp4::kEcho : icmp6::kEcho);
  if (asks || icmp->type == (v4 ? icmp4::kEchoReply : icmp6::kEchoReply)) {
    if (asks && p.from == Side::outside &&
        (icmp->code != 0 || p.payload_length() > kMaxEchoPayload))
      return Reason::icmp_echo;  // S-ICMP-1
    p.source_port = p.destination_port = icmp->id.host();
    return std::nullopt;
  }
  // S-ICMP-2, S-ICMP-3, S-ICMP6-3
  if (v4) {
    const bool error = icmp->type == icmp4::kUnreachable || icmp->type == icmp4::kTimeExceeded ||
                       icmp->type == icmp4::kParameterProblem;
    const bool starves = icmp->type == icmp4::kUnreachable &&
                         icmp->code == icmp4::kCodeFragmentationNeeded &&
                         icmp->sequence.host() < kMinMtuV4;
    return error && !starves ? Result{} : Reason::icmp_type;
  }
  if (icmp->type < icmp6::kUnreachable || icmp->type > icmp6::kParameterProblem)
    return Reason::icmp_type;
  const std::uint32_t mtu = std::uint32_t{icmp->id.host()} << 16U | icmp->sequence.host();
  if (icmp->type == icmp6::kPacketTooBig && mtu < kMinMtuV6) return Reason::icmp_type;
  return std::nullopt;
}

}  // namespace mitibox
