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

void write_ip(const Segment& s, std::size_t upper, std::uint8_t* ip) {
  if (!s.source.is_v4()) {
    Ipv6Header h{};
    h.version_class_flow = be32(6U << 28U);
    h.payload_length = be16(static_cast<std::uint16_t>(upper));
    h.next_header = protocol::kTcp;
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
  h.protocol = protocol::kTcp;
  h.source = s.source.v4();
  h.destination = s.destination.v4();
  h.checksum = checksum_of(sum_bytes(reinterpret_cast<const std::uint8_t*>(&h), sizeof h));
  std::memcpy(ip, &h, sizeof h);
}

std::uint64_t pseudo_of(bool v4, const std::uint8_t* ip, std::size_t upper) {
  const auto length = static_cast<std::uint32_t>(upper);
  if (v4) {
    Ipv4Header h;
    std::memcpy(&h, ip, sizeof h);
    return pseudo_sum(h, protocol::kTcp, length);
  }
  Ipv6Header h;
  std::memcpy(&h, ip, sizeof h);
  return pseudo_sum(h, protocol::kTcp, length);
}

}  // namespace

const std::array<Look, 3> kStacks{{
    {64, 64240, {2, 4, 5, 180, 4, 2, 1, 3, 3, 7, 0, 0}, 12},
    {128, 65535, {2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2}, 12},
    {255, 4128, {2, 4, 5, 180}, 4},
}};

Segment Segment::back(std::uint8_t with) const {
  Segment s;
  s.source = destination;
  s.destination = source;
  s.source_port = destination_port;
  s.destination_port = source_port;
  s.sequence = acknowledgement;
  s.acknowledgement = next();
  s.flags = with;
  return s;
}

rte_mbuf* make_frame(rte_mempool* pool, Side from, const Segment& s) {
  rte_mbuf* const m = rte_pktmbuf_alloc(pool);
  if (m == nullptr) throw std::runtime_error("no buffer left to make a frame in");
  unpoison_frame(m);
  const bool v4 = s.source.is_v4();
  const std::size_t options = (s.flags & tcp::kSyn) != 0 ? s.look.option_bytes : 0U;
  const std::size_t upper = sizeof(TcpHeader) + options + s.length;
  const std::size_t l4 = sizeof(EtherHeader) + (v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
  const std::size_t length = std::max(l4 + upper, kLeast);
  auto* const out = rte_pktmbuf_mtod(m, std::uint8_t*);
  std::memset(out, 0, length);
  const bool inbound = from == Side::outside;
  const EtherHeader ether{inbound ? kHost : kRouter, inbound ? kRouter : kHost,
                          be16(v4 ? ethertype::kIpv4 : ethertype::kIpv6)};
  std::memcpy(out, &ether, sizeof ether);
  write_ip(s, upper, out + sizeof ether);
  TcpHeader t{};
  t.source_port = be16(s.source_port);
  t.destination_port = be16(s.destination_port);
  t.sequence = be32(s.sequence);
  t.acknowledgement = be32(s.acknowledgement);
  t.offset_reserved = static_cast<std::uint8_t>((sizeof t + options) / 4 << 4U);
  t.flags = s.flags;
  t.window = be16(s.look.window);
  std::memcpy(out + l4 + sizeof t, s.look.options.data(), options);
  std::memset(out + l4 + sizeof t + options, 'x', s.length);
  std::memcpy(out + l4, &t, sizeof t);
  const be16 sum =
      checksum_of(pseudo_of(v4, out + sizeof ether, upper) + sum_bytes(out + l4, upper));
  std::memcpy(out + l4 + 16, &sum, sizeof sum);
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
  const std::uint8_t* l4 = nullptr;
  if (type == ethertype::kIpv4 && ip[0] == 0x45 && ip[9] == protocol::kTcp) {
    Ipv4Header h;
    std::memcpy(&h, ip, sizeof h);
    s.source = Address(h.source);
    s.destination = Address(h.destination);
    s.look.ttl = h.ttl;
    upper = h.total_length.host() - sizeof h;
    l4 = ip + sizeof h;
  } else if (type == ethertype::kIpv6 && ip[6] == protocol::kTcp) {
    Ipv6Header h;
    std::memcpy(&h, ip, sizeof h);
    s.source = Address(h.source);
    s.destination = Address(h.destination);
    s.look.ttl = h.hop_limit;
    upper = h.payload_length.host();
    l4 = ip + sizeof h;
  } else {
    return std::nullopt;
  }
  TcpHeader t;
  if (l4 + sizeof t > at + frame->data_len || upper < sizeof t) return std::nullopt;
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
  return s;
}

}  // namespace mitibox::arena
