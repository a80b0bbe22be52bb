// SPDX-License-Identifier: BSD-3-Clause
#include "segment.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "base/poison.hpp"
#include "packet/checksum.hpp"

namespace mitibox::arena {

namespace {

constexpr Mac kRouter{{0x02, 0, 0, 0, 0, 1}};
constexpr Mac kHost{{0x02, 0, 0, 0, 0, 2}};
constexpr std::size_t kLeast = 60;

std::uint8_t protocol_of(Carrier carrier) {
  if (carrier == Carrier::tcp) return protocol::kTcp;
  return carrier == Carrier::udp ? protocol::kUdp : protocol::kIcmp;
}

void write_ip(const Segment& s, std::size_t upper, std::uint8_t* ip) {
  if (!s.source.is_v4()) {
    Ipv6Header h{};
    h.version_class_flow = be32(6U << 28U);
    h.payload_length = be16(static_cast<std::uint16_t>(upper));
    h.next_header = protocol_of(s.carrier);
    h.hop_limit = s.look.ttl;
    h.source = s.source.bytes;
    h.destination = s.destination.bytes;
    std::memcpy(ip, &h, sizeof h);
    return;
  }
  Ipv4Header h{};
  h.version_ihl = 0x45;
  h.total_length = be16(static_cast<std::uint16_t>(sizeof h + upper));
  h.fragment = be16(kIpv4DontFragment);
  h.ttl = s.look.ttl;
  h.protocol = protocol_of(s.carrier);
  h.source = s.source.v4();
  h.destination = s.destination.v4();
  h.checksum = checksum_of(sum_bytes(reinterpret_cast<const std::uint8_t*>(&h), sizeof h));
  std::memcpy(ip, &h, sizeof h);
}

std::uint64_t pseudo_of(const Segment& s, const std::uint8_t* ip, std::size_t upper) {
  const auto length = static_cast<std::uint32_t>(upper);
  const std::uint8_t carrier = protocol_of(s.carrier);
  if (carrier == protocol::kIcmp) return 0;
  if (s.source.is_v4()) {
    Ipv4Header h;
    std::memcpy(&h, ip, sizeof h);
    return pseudo_sum(h, carrier, length);
  }
  Ipv6Header h;
  std::memcpy(&h, ip, sizeof h);
  return pseudo_sum(h, carrier, length);
}

/// Of the transport's header and of its checksum in it.
struct Layout {
  std::size_t bytes, checksum;
};

Layout write_tcp(const Segment& s, std::uint8_t* out) {
  const std::size_t options = (s.flags & tcp::kSyn) != 0 ? s.look.option_bytes : 0U;
  TcpHeader t{};
  t.source_port = be16(s.source_port);
  t.destination_port = be16(s.destination_port);
  t.sequence = be32(s.sequence);
  t.acknowledgement = be32(s.acknowledgement);
  t.offset_reserved = static_cast<std::uint8_t>((sizeof t + options) / 4 << 4U);
  t.flags = s.flags;
  t.window = be16(s.look.window);
  std::memcpy(out, &t, sizeof t);
  std::memcpy(out + sizeof t, s.look.options.data(), options);
  return {sizeof t + options, 16};
}

Layout write_udp(const Segment& s, std::uint8_t* out) {
  UdpHeader u{};
  u.source_port = be16(s.source_port);
  u.destination_port = be16(s.destination_port);
  u.length = be16(static_cast<std::uint16_t>(sizeof u + s.length));
  std::memcpy(out, &u, sizeof u);
  return {sizeof u, 6};
}

Layout write_icmp(const Segment& s, std::uint8_t* out) {
  IcmpHeader i{};
  if (s.carrier != Carrier::unreachable) {
    i.type = s.carrier == Carrier::echo_reply ? icmp4::kEchoReply : icmp4::kEcho;
    i.id = be16(s.source_port);
    i.sequence = be16(static_cast<std::uint16_t>(s.sequence));
    std::memcpy(out, &i, sizeof i);
    return {sizeof i, 2};
  }
  i.type = icmp4::kUnreachable;
  i.code = icmp4::kCodePort;
  std::memcpy(out, &i, sizeof i);
  Segment about = s.back(0);
  about.carrier = Carrier::udp;
  write_ip(about, sizeof(UdpHeader), out + sizeof i);
  write_udp(about, out + sizeof i + sizeof(Ipv4Header));
  return {sizeof i + sizeof(Ipv4Header) + sizeof(UdpHeader), 2};
}

Layout write_transport(const Segment& s, std::uint8_t* out) {
  if (s.carrier == Carrier::tcp) return write_tcp(s, out);
  return s.carrier == Carrier::udp ? write_udp(s, out) : write_icmp(s, out);
}

bool read_tcp(const std::uint8_t* l4, std::size_t upper, Segment& s) {
  TcpHeader t;
  if (upper < sizeof t) return false;
  std::memcpy(&t, l4, sizeof t);
  s.source_port = t.source_port.host();
  s.destination_port = t.destination_port.host();
  s.sequence = t.sequence.host();
  s.acknowledgement = t.acknowledgement.host();
  s.flags = t.flags;
  s.look.window = t.window.host();
  s.length = static_cast<std::uint16_t>(upper - t.header_length());
  const std::size_t options = std::min<std::size_t>(t.header_length() - sizeof t, 12);
  s.look.option_bytes = static_cast<std::uint8_t>(options);
  std::memcpy(s.look.options.data(), l4 + sizeof t, options);
  return true;
}

bool read_udp(const std::uint8_t* l4, std::size_t upper, Segment& s) {
  UdpHeader u;
  if (upper < sizeof u) return false;
  std::memcpy(&u, l4, sizeof u);
  s.carrier = Carrier::udp;
  s.source_port = u.source_port.host();
  s.destination_port = u.destination_port.host();
  s.length = static_cast<std::uint16_t>(upper - sizeof u);
  return true;
}

bool read_icmp(const std::uint8_t* l4, std::size_t upper, Segment& s) {
  IcmpHeader i;
  if (upper < sizeof i) return false;
  std::memcpy(&i, l4, sizeof i);
  if (i.type == icmp4::kEcho || i.type == icmp4::kEchoReply) {
    s.carrier = i.type == icmp4::kEcho ? Carrier::echo_request : Carrier::echo_reply;
    s.source_port = s.destination_port = i.id.host();
    s.sequence = i.sequence.host();
    s.length = static_cast<std::uint16_t>(upper - sizeof i);
    return true;
  }
  constexpr std::size_t kAbout = sizeof i + sizeof(Ipv4Header);
  UdpHeader about;
  if (i.type != icmp4::kUnreachable || upper < kAbout + sizeof about) return false;
  std::memcpy(&about, l4 + kAbout, sizeof about);
  s.carrier = Carrier::unreachable;
  s.source_port = about.destination_port.host();
  s.destination_port = about.source_port.host();
  return true;
}

}  // namespace

const std::array<Look, 3> kStacks{{
    {64, 64240, {2, 4, 5, 180, 4, 2, 1, 3, 3, 7, 0, 0}, 12},
    {128, 65535, {2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2}, 12},
    {255, 4128, {2, 4, 5, 180}, 4},
}};

bool Segment::asks() const {
  return carrier == Carrier::udp || carrier == Carrier::echo_request || is(tcp::kSyn);
}

bool Segment::agrees() const {
  return carrier == Carrier::udp || carrier == Carrier::echo_reply || is(kSynAck);
}

Segment Segment::back(std::uint8_t with) const {
  Segment s;
  s.carrier = carrier == Carrier::echo_request ? Carrier::echo_reply : carrier;
  s.source = destination;
  s.destination = source;
  s.source_port = destination_port;
  s.destination_port = source_port;
  s.sequence = carrier == Carrier::tcp ? acknowledgement : sequence;
  s.acknowledgement = next();
  s.flags = with;
  return s;
}

rte_mbuf* make_frame(rte_mempool* pool, Side from, const Segment& s) {
  rte_mbuf* const m = rte_pktmbuf_alloc(pool);
  if (m == nullptr) throw std::runtime_error("no buffer left to make a frame in");
  unpoison_frame(m);
  const bool v4 = s.source.is_v4();
  const std::size_t l4 = sizeof(EtherHeader) + (v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
  auto* const out = rte_pktmbuf_mtod(m, std::uint8_t*);
  std::memset(out, 0, kLeast);
  const bool inbound = from == Side::outside;
  const EtherHeader ether{inbound ? kHost : kRouter, inbound ? kRouter : kHost,
                          be16(v4 ? ethertype::kIpv4 : ethertype::kIpv6)};
  std::memcpy(out, &ether, sizeof ether);
  const Layout layout = write_transport(s, out + l4);
  const std::size_t upper = layout.bytes + s.length;
  std::memset(out + l4 + layout.bytes, 'x', s.length);
  write_ip(s, upper, out + sizeof ether);
  const be16 sum =
      checksum_of(pseudo_of(s, out + sizeof ether, upper) + sum_bytes(out + l4, upper));
  std::memcpy(out + l4 + layout.checksum, &sum, sizeof sum);
  const std::size_t length = std::max(l4 + upper, kLeast);
  m->data_len = static_cast<std::uint16_t>(length);
  m->pkt_len = m->data_len;
  m->port = static_cast<std::uint16_t>(index(from));
  return m;
}

std::optional<Segment> read_frame(const rte_mbuf* frame) {
  const auto* const at = rte_pktmbuf_mtod(frame, const std::uint8_t*);
  const std::size_t type = std::size_t{at[12]} << 8U | at[13];
  const std::uint8_t* const ip = at + sizeof(EtherHeader);
  Segment s;
  std::size_t upper = 0;
  std::uint8_t carrier = 0;
  const std::uint8_t* l4 = nullptr;
  if (type == ethertype::kIpv4 && ip[0] == 0x45) {
    Ipv4Header h;
    std::memcpy(&h, ip, sizeof h);
    s.source = Address(h.source);
    s.destination = Address(h.destination);
    s.look.ttl = h.ttl;
    carrier = h.protocol;
    upper = h.total_length.host() - sizeof h;
    l4 = ip + sizeof h;
  } else if (type == ethertype::kIpv6) {
    Ipv6Header h;
    std::memcpy(&h, ip, sizeof h);
    s.source = Address(h.source);
    s.destination = Address(h.destination);
    s.look.ttl = h.hop_limit;
    carrier = h.next_header;
    upper = h.payload_length.host();
    l4 = ip + sizeof h;
  } else {
    return std::nullopt;
  }
  if (l4 + upper > at + frame->data_len) return std::nullopt;
  const bool good = carrier == protocol::kTcp    ? read_tcp(l4, upper, s)
                    : carrier == protocol::kUdp  ? read_udp(l4, upper, s)
                    : carrier == protocol::kIcmp ? read_icmp(l4, upper, s)
                                                 : false;
  return good ? std::optional(s) : std::nullopt;
}

}  // namespace mitibox::arena
