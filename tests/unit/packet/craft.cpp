// SPDX-License-Identifier: BSD-3-Clause
#include "craft.hpp"

#include <cstring>
#include <stdexcept>
#include <utility>

namespace mitibox::test {

namespace {

std::size_t next_header_at(const Craft& c) {
  return c.l3 + (c.v4 ? 9 : 6);
}

}  // namespace

Craft::Craft(const Probe& probe) {
  const Frame made(probe);
  const std::uint8_t* data = made.packet.data();
  bytes.assign(data, data + made.packet.end);
  l3 = made.packet.l3;
  l4 = made.packet.l4;
  v4 = made.packet.family == Family::v4;
}

Craft& Craft::put8(std::size_t at, unsigned value) {
  bytes.at(at) = static_cast<std::uint8_t>(value);
  return *this;
}

Craft& Craft::put16(std::size_t at, unsigned value) {
  return put8(at, value >> 8U & 0xffU).put8(at + 1, value & 0xffU);
}

Craft& Craft::put32(std::size_t at, std::uint32_t value) {
  return put16(at, value >> 16U).put16(at + 2, value & 0xffffU);
}

Craft& Craft::insert(std::size_t at, const Bytes& more) {
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), more.begin(), more.end());
  if (at <= l4) l4 += more.size();
  return *this;
}

Craft& Craft::resize(std::size_t length) {
  bytes.resize(length, 0xee);
  return *this;
}

Craft& Craft::fit() {
  const auto length = static_cast<unsigned>(bytes.size() - l3);
  if (v4) return put16(l3 + 2, length).sum_ip();
  return put16(l3 + 4, length - 40U);
}

Craft& Craft::sum_ip() {
  if (!v4) return *this;
  const std::size_t header = (bytes.at(l3) & 0x0fU) * 4U;
  put16(l3 + 10, 0);
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(l3);
  return put16(l3 + 10, plain_checksum({begin, begin + static_cast<std::ptrdiff_t>(header)}));
}

Craft& Craft::sum_upper(std::uint8_t protocol) {
  const std::size_t field = l4 + (protocol == protocol::kTcp   ? 16U
                                  : protocol == protocol::kUdp ? 6U
                                                               : 2U);
  put16(field, 0);
  const auto length = static_cast<std::uint32_t>(bytes.size() - l4);
  Bytes covered;
  if (protocol != protocol::kIcmp) {
    const auto addresses = bytes.begin() + static_cast<std::ptrdiff_t>(l3 + (v4 ? 12 : 8));
    covered.assign(addresses, addresses + (v4 ? 8 : 32));
    const Bytes rest{0,
                     0,
                     static_cast<std::uint8_t>(length >> 8U),
                     static_cast<std::uint8_t>(length),
                     0,
                     0,
                     0,
                     protocol};
    covered.insert(covered.end(), rest.begin(), rest.end());
  }
  covered.insert(covered.end(), bytes.begin() + static_cast<std::ptrdiff_t>(l4), bytes.end());
  return put16(field, plain_checksum(covered));
}

Craft& Craft::extend(std::uint8_t type, Bytes header) {
  header.at(0) = bytes.at(next_header_at(*this));
  put8(next_header_at(*this), type);
  return insert(l3 + 40, header).fit();
}

Craft& Craft::fragment(const Piece& piece) {
  if (v4) {
    put16(l3 + 4, piece.id & 0xffffU);
    put16(l3 + 6, piece.offset / 8U | (piece.more ? 0x2000U : 0U));
    return fit();
  }
  extend(protocol::kIpv6Fragment, Bytes(8));
  put16(l3 + 42, piece.offset | (piece.more ? 1U : 0U));
  return put32(l3 + 44, piece.id);
}

rte_mbuf* Craft::frame(rte_mempool* pool) const {
  rte_mbuf* m = rte_pktmbuf_alloc(pool);
  if (m == nullptr) throw std::runtime_error("test pool is empty");
  char* at = rte_pktmbuf_append(m, static_cast<std::uint16_t>(bytes.size()));
  if (at == nullptr) throw std::runtime_error("the frame does not fit");
  std::memcpy(at, bytes.data(), bytes.size());
  return m;
}

Probe probe_between(bool v6, Side from) {
  Probe p;
  if (v6) {
    p.source = "2001:db8:ffff::7";
    p.destination = "2001:db8:1::10";
  }
  if (from == Side::inside) {
    std::swap(p.source, p.destination);
    std::swap(p.source_mac, p.destination_mac);
    std::swap(p.source_port, p.destination_port);
  }
  return p;
}

}  // namespace mitibox::test
