// SPDX-License-Identifier: BSD-3-Clause
#include "traffic.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>

#include "packet/checksum.hpp"

namespace mitibox::bench {

namespace {

constexpr std::uint32_t kOutside = 0xc6120000U;  // 198.18.0.0/15
constexpr std::uint32_t kOutsideCount = 1U << 17U;
constexpr std::uint32_t kScanners = 0xb9120000U;  // as many, none of which has a connection
constexpr std::uint32_t kInside = 0xcb007100U;    // 203.0.113.0/24
constexpr std::uint8_t kServer = 10;
constexpr std::uint16_t kServed = 443;
constexpr std::size_t kLeast = 60;
constexpr std::array<std::uint8_t, 4> kMss{2, 4, 1460 >> 8, 1460 & 0xff};
constexpr Mac kRouter{{0x02, 0, 0, 0, 0, 1}};
constexpr Mac kHost{{0x02, 0, 0, 0, 0, 2}};

constexpr std::array<std::string_view, 10> kNames{
    "established", "udp",   "ipv6",      "imix",  "coin",
    "answered",    "flood", "malformed", "mixed", "served-flood"};

Address inside_address(Family family, std::uint8_t last) {
  if (family == Family::v4) return Address(be32(kInside + last));
  std::array<std::uint8_t, 16> a{0x20, 0x01, 0x0d, 0xb8, 0, 1};
  a[15] = last;
  return Address(a);
}

Address outside_address(Family family, std::uint32_t number) {
  if (family == Family::v4) return Address(be32(kOutside + number));
  // Every source its own /64.
  std::array<std::uint8_t, 16> a{0x20, 0x01, 0x0d, 0xb8, 0xff};
  for (std::size_t i = 0; i < 3; ++i)
    a[5 + i] = static_cast<std::uint8_t>(number >> (16U - 8U * i));
  a[15] = 1;
  return Address(a);
}

std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 31U)) * 0x7fb5d329728ea185U;
  x = (x ^ (x >> 27U)) * 0x81dadef4bc2dd44dU;
  return x ^ (x >> 33U);
}

void put16(std::uint8_t* at, std::uint32_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8U);
  at[1] = static_cast<std::uint8_t>(value);
}
void put32(std::uint8_t* at, std::uint32_t value) {
  put16(at, value >> 16U);
  put16(at + 2, value);
}
void put_sum(std::uint8_t* at, std::uint64_t sum) {
  const std::uint16_t raw = checksum_of(sum).raw();
  std::memcpy(at, &raw, sizeof raw);
}

}  // namespace

Flow flow(std::uint64_t number, Family family, std::uint8_t protocol) {
  Flow f;
  f.family = family;
  f.protocol = protocol;
  // A permutation of the sources, so that neighbours in number are no neighbours in address.
  const auto source = static_cast<std::uint32_t>(number * 40503U % kOutsideCount);
  f.outside = outside_address(family, source);
  f.inside = inside_address(family, kServer);
  f.outside_port = static_cast<std::uint16_t>(1024 + number / kOutsideCount % 64512);
  f.inside_port = kServed;
  f.outside_isn = static_cast<std::uint32_t>(mix(2 * number));
  f.inside_isn = static_cast<std::uint32_t>(mix(2 * number + 1));
  return f;
}

std::size_t write_frame(const Flow& f, const Segment& s, std::uint8_t* out) {
  const bool inbound = s.from == Side::outside;
  const bool v4 = f.family == Family::v4;
  const std::size_t l4 = sizeof(EtherHeader) + (v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
  const bool tcp = f.protocol == protocol::kTcp;
  const std::size_t options = s.mss ? kMss.size() : 0;
  const std::size_t headers = l4 + (tcp ? sizeof(TcpHeader) + options : sizeof(UdpHeader));
  const std::size_t datagram = std::max<std::size_t>(headers, s.length);
  const std::size_t length = std::max(datagram, kLeast);
  std::memset(out, 0, length);

  std::memcpy(out, (inbound ? kHost : kRouter).bytes.data(), 6);
  std::memcpy(out + 6, (inbound ? kRouter : kHost).bytes.data(), 6);
  put16(out + 12, v4 ? ethertype::kIpv4 : ethertype::kIpv6);

  std::uint8_t* ip = out + sizeof(EtherHeader);
  const Address& from = inbound ? f.outside : f.inside;
  const Address& to = inbound ? f.inside : f.outside;
  const std::size_t upper = datagram - l4;
  std::uint64_t pseudo = 0;
  if (v4) {
    ip[0] = 0x45;
    put16(ip + 2, static_cast<std::uint32_t>(datagram - sizeof(EtherHeader)));
    put16(ip + 6, kIpv4DontFragment);
    ip[8] = 64;
    ip[9] = f.protocol;
    std::memcpy(ip + 12, &from.bytes[12], 4);
    std::memcpy(ip + 16, &to.bytes[12], 4);
    put_sum(ip + 10, sum_bytes(ip, sizeof(Ipv4Header)));
    pseudo = pseudo_sum(*reinterpret_cast<Ipv4Header*>(ip), f.protocol,
                        static_cast<std::uint32_t>(upper));
  } else {
    ip[0] = 0x60;
    put16(ip + 4, static_cast<std::uint32_t>(upper));
    ip[6] = f.protocol;
    ip[7] = 64;
    std::memcpy(ip + 8, from.bytes.data(), 16);
    std::memcpy(ip + 24, to.bytes.data(), 16);
    pseudo = pseudo_sum(*reinterpret_cast<Ipv6Header*>(ip), f.protocol,
                        static_cast<std::uint32_t>(upper));
  }

  std::uint8_t* at = out + l4;
  put16(at, inbound ? f.outside_port : f.inside_port);
  put16(at + 2, inbound ? f.inside_port : f.outside_port);
  if (tcp) {
    put32(at + 4, s.sequence);
    put32(at + 8, s.acknowledgement);
    at[12] = s.mss ? 0x60 : 0x50;
    at[13] = s.flags;
    if (s.mss) std::memcpy(at + sizeof(TcpHeader), kMss.data(), kMss.size());
    put16(at + 14, 0xffff);
    put_sum(at + 16, pseudo + sum_bytes(at, upper));
  } else {
    put16(at + 4, static_cast<std::uint32_t>(upper));
    put_sum(at + 6, pseudo + sum_bytes(at, upper));
  }
  return length;
}

std::vector<Segment> opening(const Flow& f, Side first) {
  const Side second = other(first);
  if (f.protocol != protocol::kTcp) return {{.from = first}, {.from = second}};
  const bool inbound = first == Side::outside;
  const std::uint32_t isn = inbound ? f.outside_isn : f.inside_isn;
  const std::uint32_t peer = inbound ? f.inside_isn : f.outside_isn;
  return {{.from = first, .flags = tcp::kSyn, .sequence = isn, .mss = true},
          {.from = second,
           .flags = tcp::kSyn | tcp::kAck,
           .sequence = peer,
           .acknowledgement = isn + 1,
           .mss = true},
          {.from = first, .flags = tcp::kAck, .sequence = isn + 1, .acknowledgement = peer + 1}};
}

Segment established(const Flow& f, Side from, std::uint16_t length) {
  const bool inbound = from == Side::outside;
  return {.from = from,
          .flags = tcp::kAck,
          .sequence = (inbound ? f.outside_isn : f.inside_isn) + 1,
          .acknowledgement = (inbound ? f.inside_isn : f.outside_isn) + 1,
          .length = length};
}

Kind kind_of(const std::uint8_t* frame) {
  constexpr std::size_t kSource = 26;
  constexpr std::size_t kFlags = 47;
  if (frame[kFlags] != tcp::kSyn) return Kind::established;
  return frame[kSource] == kScanners >> 24U ? Kind::scan : Kind::fresh;
}

std::span<const std::string_view> Case::names() {
  return kNames;
}

Case::Case(std::string_view name, Sizes sizes, std::uint64_t seed)
    : name_(name), sizes_(sizes), random_(seed) {
  if (std::find(kNames.begin(), kNames.end(), name) == kNames.end())
    throw std::runtime_error("no such case: " + std::string(name));
  order_.resize(sizes.connections);
  std::iota(order_.begin(), order_.end(), 0U);
  std::shuffle(order_.begin(), order_.end(), random_);
}

std::uint64_t Case::place(Side side, std::uint64_t number) const {
  // With fewer packets than connections each port carries another part of them.
  const std::uint64_t first = sizes_.packets < sizes_.connections && side == Side::inside
                                  ? sizes_.connections - sizes_.packets
                                  : 0;
  return order_[(first + number) % order_.size()];
}

std::size_t Case::established_frame(Side side, std::uint64_t number, std::uint8_t* out) {
  const Family family = name_ == "ipv6" ? Family::v6 : Family::v4;
  const Flow f =
      flow(place(side, number), family, name_ == "udp" ? protocol::kUdp : protocol::kTcp);
  std::uint16_t length = 0;
  if (name_ == "imix") {  // 7:4:1 of 64, 594 and 1518 bytes on the wire
    const std::uint64_t draw = random_() % 12;
    length = draw < 7 ? 0 : draw < 11 ? 590 : 1514;
  }
  return write_frame(f, established(f, side, length), out);
}

std::size_t Case::scan(std::uint8_t* out, bool spoofed) {
  Flow f;
  const std::uint64_t draw = random_();
  // A spoofed source is any unicast address.
  f.outside = spoofed ? Address(be32(0x0b000000U + static_cast<std::uint32_t>(draw % 0x70000000U)))
                      : Address(be32(kScanners + static_cast<std::uint32_t>(draw % kOutsideCount)));
  f.inside = name_ == "served-flood"
                 ? inside_address(Family::v4, 20)
                 : inside_address(Family::v4, static_cast<std::uint8_t>(64 + (draw >> 40U) % 190));
  f.outside_port = static_cast<std::uint16_t>(1024 + (draw >> 48U) % 64512);
  f.inside_port =
      name_ == "served-flood" ? kServed : static_cast<std::uint16_t>(1 + random_() % 1024);
  const auto isn = static_cast<std::uint32_t>(random_());
  // With an MSS, as nmap, zmap and masscan send it.
  return write_frame(f, {.from = Side::outside, .flags = tcp::kSyn, .sequence = isn, .mss = true},
                     out);
}

std::size_t Case::malformed(std::uint8_t* out) {
  constexpr std::size_t kUpper = sizeof(TcpHeader) + kMss.size();
  const std::size_t length = scan(out, true);
  switch (random_() % 4) {
    case 0:  // IP header checksum
      out[24] ^= 0x55;
      break;
    case 1:  // SYN and FIN
      out[47] ^= 0x01;
      put16(out + 50, 0);
      put_sum(out + 50,
              pseudo_sum(*reinterpret_cast<Ipv4Header*>(out + 14), protocol::kTcp, kUpper) +
                  sum_bytes(out + 34, kUpper));
      break;
    case 2:  // TCP checksum
      out[50] ^= 0x55;
      break;
    default:  // header length beyond the datagram
      out[46] = 0xf0;
      break;
  }
  return length;
}

std::size_t Case::frame(Side side, std::uint64_t number, std::uint8_t* out) {
  if (name_ == "established" || name_ == "udp" || name_ == "ipv6" || name_ == "imix")
    return established_frame(side, number, out);
  // Scans come from outside on both ports' worth of time; the LAN is silent.
  if (name_ == "mixed") {
    const std::uint64_t draw = random_() % 10;
    if (side == Side::inside || draw < 6) return established_frame(side, number, out);
    if (draw < 9) return scan(out, false);
    const std::uint64_t fresh = sizes_.connections + random_() % (8 * sizes_.connections);
    const Flow f = flow(fresh, Family::v4, protocol::kTcp);
    return write_frame(f, opening(f)[0], out);
  }
  if (side == Side::inside) return 0;
  if (name_ == "malformed") return malformed(out);
  return scan(out, name_ == "flood" || name_ == "served-flood");
}

}  // namespace mitibox::bench
