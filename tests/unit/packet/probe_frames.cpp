// SPDX-License-Identifier: BSD-3-Clause
#include "probe_frames.hpp"

#include <cstring>
#include <stdexcept>

#include "base/eal.hpp"
#include "base/poison.hpp"

namespace mitibox::test {

namespace {

void put16(Bytes& b, std::uint32_t v) {
  b.push_back(static_cast<std::uint8_t>(v >> 8U));
  b.push_back(static_cast<std::uint8_t>(v));
}
void put32(Bytes& b, std::uint32_t v) {
  put16(b, v >> 16U);
  put16(b, v & 0xffffU);
}
void append(Bytes& b, const Bytes& more) {
  b.insert(b.end(), more.begin(), more.end());
}
void set16(Bytes& b, std::size_t at, std::uint32_t v) {
  b.at(at) = static_cast<std::uint8_t>(v >> 8U);
  b.at(at + 1) = static_cast<std::uint8_t>(v);
}

Bytes address_bytes(const Address& a) {
  return {a.bytes.begin() + (a.is_v4() ? 12 : 0), a.bytes.end()};
}

Bytes pseudo(const Bytes& addresses, std::uint32_t protocol, std::size_t length) {
  Bytes p = addresses;
  put32(p, static_cast<std::uint32_t>(length));
  put32(p, protocol);
  return p;
}

bool is_icmp(std::uint8_t protocol) {
  return protocol == protocol::kIcmp || protocol == protocol::kIcmpv6;
}

Bytes upper_layer(const Probe& p) {
  Bytes b;
  if (p.protocol == protocol::kTcp) {
    put16(b, p.source_port);
    put16(b, p.destination_port);
    put32(b, p.sequence);
    put32(b, p.acknowledgement);
    b.push_back(static_cast<std::uint8_t>((20 + p.options.size()) / 4 << 4U));
    b.push_back(p.flags);
    put16(b, p.window);
    put32(b, 0);
    append(b, p.options);
  } else if (p.protocol == protocol::kUdp) {
    put16(b, p.source_port);
    put16(b, p.destination_port);
    put16(b, static_cast<std::uint32_t>(8 + p.payload.size()));
    put16(b, 0);
  } else if (is_icmp(p.protocol)) {
    b.push_back(p.protocol == protocol::kIcmp ? 8 : 128);
    b.push_back(0);
    put16(b, 0);
    put16(b, p.source_port);
    put16(b, p.sequence);
  }
  append(b, p.payload);
  return b;
}

std::size_t checksum_offset(std::uint8_t protocol) {
  if (protocol == protocol::kTcp) return 16;
  if (protocol == protocol::kUdp) return 6;
  return 2;
}

}  // namespace

std::uint16_t plain_checksum(const Bytes& data) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < data.size(); i += 2) {
    const std::uint32_t low = i + 1 < data.size() ? data[i + 1] : 0U;
    sum += (std::uint32_t{data[i]} << 8U) + low;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<std::uint16_t>(~sum);
}

rte_mempool* probe_pool() {
  static rte_mempool* const pool = make_pool("test-probes", 4095, 4096, SOCKET_ID_ANY);
  return pool;
}

rte_mempool* small_pool(unsigned count) {
  static unsigned number = 0;
  const std::string name = "test-small" + std::to_string(number++);
  rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), count, 0, 0, 2048, SOCKET_ID_ANY);
  if (pool == nullptr) throw std::runtime_error("no small pool");
  return pool;
}

Frame::Frame(const Probe& p) {
  const Address source = parse_address(p.source).value();
  const Address destination = parse_address(p.destination).value();
  const bool v4 = source.is_v4();
  Bytes upper = upper_layer(p);
  Bytes addresses = address_bytes(source);
  append(addresses, address_bytes(destination));

  if (p.protocol == protocol::kTcp || p.protocol == protocol::kUdp || is_icmp(p.protocol)) {
    Bytes covered =
        p.protocol == protocol::kIcmp ? Bytes{} : pseudo(addresses, p.protocol, upper.size());
    append(covered, upper);
    set16(upper, checksum_offset(p.protocol), plain_checksum(covered));
  }

  Bytes b(p.destination_mac.bytes.begin(), p.destination_mac.bytes.end());
  b.insert(b.end(), p.source_mac.bytes.begin(), p.source_mac.bytes.end());
  for (unsigned tag = 0; tag < p.tags; ++tag) {
    put16(b, p.tags == 2 && tag == 0 ? 0x88a8U : 0x8100U);
    put16(b, 0x6000U + 100U + tag);
  }
  put16(b, v4 ? 0x0800 : 0x86dd);
  packet.l3 = static_cast<std::uint16_t>(b.size());
  if (v4) {
    Bytes ip{0x45, 0x10};
    put16(ip, static_cast<std::uint32_t>(20 + upper.size()));
    put32(ip, 0x12344000U);
    ip.push_back(53);
    ip.push_back(p.protocol);
    put16(ip, 0);
    append(ip, addresses);
    set16(ip, 10, plain_checksum(ip));
    append(b, ip);
  } else {
    put32(b, 0x62212345U);
    put16(b, static_cast<std::uint32_t>(upper.size()));
    b.push_back(p.protocol);
    b.push_back(53);
    append(b, addresses);
  }
  packet.l4 = static_cast<std::uint16_t>(b.size());
  append(b, upper);
  packet.end = static_cast<std::uint16_t>(b.size());
  packet.payload = static_cast<std::uint16_t>(packet.end - p.payload.size());
  while (b.size() < 60) b.push_back(0);

  packet.frame = rte_pktmbuf_alloc(probe_pool());
  if (packet.frame == nullptr) throw std::runtime_error("test pool is empty");
  std::memcpy(rte_pktmbuf_append(packet.frame, static_cast<std::uint16_t>(b.size())), b.data(),
              b.size());
  packet.bytes = rte_pktmbuf_mtod(packet.frame, std::uint8_t*);
  packet.from = Side::outside;
  packet.klass = Class::inbound;
  packet.family = v4 ? Family::v4 : Family::v6;
  packet.protocol = p.protocol;
  packet.tags = static_cast<std::uint8_t>(p.tags);
  packet.ether_type = v4 ? 0x0800 : 0x86dd;
  if (p.protocol == protocol::kTcp) {
    packet.tcp_flags = p.flags;
    packet.sequence = p.sequence;
    packet.acknowledgement = p.acknowledgement;
    packet.window = p.window;
  }
  packet.source_port = p.source_port;
  packet.destination_port = is_icmp(p.protocol) ? p.source_port : p.destination_port;
  const be16 far(p.source_port);
  const be16 near(is_icmp(p.protocol) ? std::uint16_t{0} : p.destination_port);
  packet.key = make_flow_key(packet.family, p.protocol, {source, far}, {destination, near});
}

void release(rte_mbuf* frame) {
  unpoison_frame(frame);
  rte_pktmbuf_free(frame);
}

Seen::Seen(rte_mbuf* frame) {
  if (frame == nullptr) throw std::runtime_error("no frame was made");
  const auto* data = rte_pktmbuf_mtod(frame, const std::uint8_t*);
  bytes.assign(data, data + frame->data_len);
  release(frame);
  std::size_t at = 12;
  while (u16(at) == 0x8100 || u16(at) == 0x88a8) at += 4;
  v6 = u16(at) == 0x86dd;
  l3 = at + 2;
  l4 = l3 + (v6 ? 40 : 20);
}

Bytes Seen::part(std::size_t from, std::size_t to) const {
  return {bytes.begin() + static_cast<std::ptrdiff_t>(from),
          bytes.begin() + static_cast<std::ptrdiff_t>(to)};
}

bool Seen::sound() const {
  const Bytes upper = part(l4, bytes.size());
  if (v6) {
    if (u16(l3 + 4) != upper.size() || u8(l3) >> 4U != 6) return false;
  } else {
    if (u16(l3 + 2) != ip_length() || u8(l3) != 0x45) return false;
    if (plain_checksum(part(l3, l4)) != 0) return false;
  }
  Bytes covered;
  if (protocol() != protocol::kIcmp)
    covered = pseudo(v6 ? part(l3 + 8, l3 + 40) : part(l3 + 12, l3 + 20), protocol(), upper.size());
  append(covered, upper);
  return plain_checksum(covered) == 0;
}

}  // namespace mitibox::test
