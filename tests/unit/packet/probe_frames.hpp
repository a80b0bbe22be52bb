// SPDX-License-Identifier: BSD-3-Clause
/// Frames as bytes for tests, written and read without the code under test.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "packet/packet.hpp"

namespace mitibox::test {

using Bytes = std::vector<std::uint8_t>;

/// What a probe says. Addresses as text; the family follows from them.
struct Probe {
  std::string source = "198.51.100.7";
  std::string destination = "203.0.113.10";
  Mac source_mac{{0x02, 0, 0, 0, 0, 0x0a}};
  Mac destination_mac{{0x02, 0, 0, 0, 0, 0x0b}};
  unsigned tags = 0;
  std::uint8_t protocol = protocol::kTcp;
  std::uint16_t source_port = 40000;  ///< echo: the identifier
  std::uint16_t destination_port = 443;
  std::uint32_t sequence = 1000;  ///< echo: the low 16 bits
  std::uint32_t acknowledgement = 0;
  std::uint8_t flags = tcp::kSyn;
  Bytes options{};
  Bytes payload{};
  std::uint16_t window = 1024;
};

/// A pool for probes, shared by all tests.
rte_mempool* probe_pool();

/// Frees a frame that the library may have poisoned.
void release(rte_mbuf* frame);
/// A pool of exactly `count` buffers, without a cache.
rte_mempool* small_pool(unsigned count);

/// A frame of its own, with its Packet filled in as parse would.
class Frame {
 public:
  explicit Frame(const Probe& probe);
  ~Frame() { release(packet.frame); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  [[nodiscard]] std::size_t ip_length() const { return packet.end - std::size_t{packet.l3}; }

  Packet packet;
};

/// A made frame, read byte by byte. Takes the mbuf and frees it.
class Seen {
 public:
  explicit Seen(rte_mbuf* frame);

  Bytes bytes;
  std::size_t l3 = 0;
  std::size_t l4 = 0;
  bool v6 = false;

  [[nodiscard]] std::uint32_t u8(std::size_t at) const { return bytes.at(at); }
  [[nodiscard]] std::uint32_t u16(std::size_t at) const { return u8(at) << 8U | u8(at + 1); }
  [[nodiscard]] std::uint32_t u32(std::size_t at) const { return u16(at) << 16U | u16(at + 2); }
  [[nodiscard]] Bytes part(std::size_t from, std::size_t to) const;

  [[nodiscard]] std::size_t ip_length() const { return bytes.size() - l3; }
  [[nodiscard]] std::uint32_t protocol() const { return u8(l3 + (v6 ? 6 : 9)); }
  [[nodiscard]] std::uint32_t ttl() const { return u8(l3 + (v6 ? 7 : 8)); }
  [[nodiscard]] std::uint32_t id() const { return u16(l3 + 4); }
  [[nodiscard]] std::uint32_t sequence() const { return u32(l4 + 4); }
  [[nodiscard]] std::uint32_t acknowledgement() const { return u32(l4 + 8); }
  [[nodiscard]] std::uint32_t flags() const { return u8(l4 + 13); }
  [[nodiscard]] std::uint32_t window() const { return u16(l4 + 14); }
  [[nodiscard]] Bytes tcp_options() const { return part(l4 + 20, bytes.size()); }

  /// Whether the lengths and both checksums are right.
  [[nodiscard]] bool sound() const;
};

/// RFC 1071, word by word as it stands there: the checksum of `data`, in host byte order.
std::uint16_t plain_checksum(const Bytes& data);

}  // namespace mitibox::test
