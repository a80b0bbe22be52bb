// SPDX-License-Identifier: BSD-3-Clause
#include "packet/builder.hpp"

#include <cstring>
#include <utility>

#include "packet/checksum.hpp"

namespace mitibox {

namespace {

constexpr std::uint16_t kQuotedUpper = 8;

bool genuine_v4(be32 address) {
  const std::uint32_t a = address.host();
  const std::uint32_t top = a >> 24U;
  // This network, loopback, link-local; group, reserved and limited broadcast.
  return top != 0 && top != 127 && (a >> 16U) != 0xa9feU && top < 224;
}

bool genuine_v6(const std::array<std::uint8_t, 16>& a) {
  if (a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0U) == 0x80U)) return false;
  const Address address(a);
  // Unspecified, loopback, and the IPv4-compatible rest of ::/96 (RFC 4291 2.5.5.1); mapped.
  if (address.is_v4()) return false;
  std::uint32_t third = 0;
  std::memcpy(&third, &a[8], 4);
  return address.high() != 0 || third != 0;
}

be16 icmp_checksum(const std::uint8_t* at, std::uint16_t length, std::uint64_t pseudo) {
  return checksum_of(sum_bytes(at, length) + pseudo);
}

}  // namespace

bool may_answer(const Packet& probe) {
  const EtherHeader& ether = probe.ether();
  if (ether.source.is_group() || ether.destination.is_group()) return false;
  switch (probe.family) {
    case Family::v4: {
      const Ipv4Header& ip = probe.ipv4();
      return genuine_v4(ip.source) && genuine_v4(ip.destination) && ip.source != ip.destination;
    }
    case Family::v6: {
      const Ipv6Header& ip = probe.ipv6();
      return genuine_v6(ip.source) && genuine_v6(ip.destination) && ip.source != ip.destination;
    }
    case Family::none:
      break;
  }
  return false;
}

Builder::Draft Builder::start(const Packet& probe, const IpFields& fields, std::uint8_t protocol,
                              std::uint16_t length) const {
  const bool v4 = probe.family == Family::v4;
  const std::size_t ip_header = v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  const std::size_t total = probe.l3 + ip_header + length;
  rte_mbuf* frame = rte_pktmbuf_alloc(pool_);
  if (frame == nullptr) return {};
  if (total > rte_pktmbuf_tailroom(frame)) {
    rte_pktmbuf_free(frame);
    return {};
  }
  auto* at =
      reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(frame, static_cast<std::uint16_t>(total)));

  // Tags and type come along verbatim.
  std::memcpy(at, probe.data(), probe.l3);
  auto& ether = *reinterpret_cast<EtherHeader*>(at);
  std::swap(ether.source, ether.destination);
  at += probe.l3;

  Draft draft{frame, at + ip_header, length, 0};
  if (v4) {
    auto& ip = *reinterpret_cast<Ipv4Header*>(at);
    ip = Ipv4Header{.version_ihl = 0x45,
                    .tos = 0,
                    .total_length = be16(static_cast<std::uint16_t>(ip_header + length)),
                    .id = be16(fields.id),
                    .fragment = be16(fields.dont_fragment ? kIpv4DontFragment : std::uint16_t{0}),
                    .ttl = fields.ttl,
                    .protocol = protocol,
                    .checksum = {},
                    .source = probe.ipv4().destination,
                    .destination = probe.ipv4().source};
    ip.checksum = checksum_of(sum_bytes(at, sizeof ip));
    draft.pseudo_sum = pseudo_sum(ip, protocol, length);
  } else {
    auto& ip = *reinterpret_cast<Ipv6Header*>(at);
    ip = Ipv6Header{.version_class_flow = be32(0x60000000U | (fields.flow_label & 0xfffffU)),
                    .payload_length = be16(length),
                    .next_header = protocol,
                    .hop_limit = fields.ttl,
                    .source = probe.ipv6().destination,
                    .destination = probe.ipv6().source};
    draft.pseudo_sum = pseudo_sum(ip, protocol, length);
  }
  return draft;
}

rte_mbuf* Builder::tcp(const Packet& probe, const IpFields& ip, const TcpFields& fields) const {
  const std::size_t header = sizeof(TcpHeader) + fields.options.size();
  const Draft draft = start(probe, ip, protocol::kTcp, static_cast<std::uint16_t>(header));
  if (draft.frame == nullptr) return nullptr;
  auto& tcp = *reinterpret_cast<TcpHeader*>(draft.upper);
  tcp = TcpHeader{.source_port = be16(probe.destination_port),
                  .destination_port = be16(probe.source_port),
                  .sequence = be32(fields.sequence),
                  .acknowledgement = be32(fields.acknowledgement),
                  .offset_reserved = static_cast<std::uint8_t>(header / 4 << 4U),
                  .flags = fields.flags,
                  .window = be16(fields.window),
                  .checksum = {},
                  .urgent = {}};
  if (!fields.options.empty())
    std::memcpy(draft.upper + sizeof tcp, fields.options.data(), fields.options.size());
  tcp.checksum = checksum_of(sum_bytes(draft.upper, header) + draft.pseudo_sum);
  return draft.frame;
}

rte_mbuf* Builder::echo_reply(const Packet& request, const IpFields& ip) const {
  const bool v4 = request.family == Family::v4;
  const auto length = static_cast<std::uint16_t>(request.end - request.l4);
  const Draft draft = start(request, ip, v4 ? protocol::kIcmp : protocol::kIcmpv6, length);
  if (draft.frame == nullptr) return nullptr;
  std::memcpy(draft.upper, request.data() + request.l4, length);
  auto& icmp = *reinterpret_cast<IcmpHeader*>(draft.upper);
  icmp.type = v4 ? icmp4::kEchoReply : icmp6::kEchoReply;
  icmp.code = 0;
  icmp.checksum = {};
  icmp.checksum = icmp_checksum(draft.upper, length, v4 ? 0 : draft.pseudo_sum);
  return draft.frame;
}

std::uint16_t Builder::unreachable_length(const Packet& probe) {
  const std::size_t ip_header =
      probe.family == Family::v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  const int quote = probe.l4 - probe.l3 + kQuotedUpper;
  return static_cast<std::uint16_t>(ip_header + sizeof(IcmpHeader) +
                                    static_cast<std::size_t>(quote));
}

rte_mbuf* Builder::port_unreachable(const Packet& probe, const IpFields& ip) const {
  const bool v4 = probe.family == Family::v4;
  const auto quote = static_cast<std::uint16_t>(probe.l4 - probe.l3 + kQuotedUpper);
  const auto length = static_cast<std::uint16_t>(sizeof(IcmpHeader) + quote);
  if (probe.l3 + quote > probe.end) return nullptr;
  const Draft draft = start(probe, ip, v4 ? protocol::kIcmp : protocol::kIcmpv6, length);
  if (draft.frame == nullptr) return nullptr;
  auto& icmp = *reinterpret_cast<IcmpHeader*>(draft.upper);
  icmp = IcmpHeader{.type = v4 ? icmp4::kUnreachable : icmp6::kUnreachable,
                    .code = v4 ? icmp4::kCodePort : icmp6::kCodePort,
                    .checksum = {},
                    .id = {},
                    .sequence = {}};
  std::memcpy(draft.upper + sizeof icmp, probe.data() + probe.l3, quote);
  icmp.checksum = icmp_checksum(draft.upper, length, v4 ? 0 : draft.pseudo_sum);
  return draft.frame;
}

}  // namespace mitibox
