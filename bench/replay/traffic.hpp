// SPDX-License-Identifier: BSD-3-Clause
/// Seeded traffic for benchmarks: the same flows for the captures that are replayed and for the
/// connections that are opened beforehand.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "packet/packet.hpp"

namespace mitibox::bench {

/// One TCP connection or UDP flow between an outside and a served inside address. Numbers in host
/// byte order.
struct Flow {
  Family family = Family::v4;
  std::uint8_t protocol = protocol::kTcp;
  Address outside, inside;
  std::uint16_t outside_port = 0, inside_port = 0;
  std::uint32_t outside_isn = 0, inside_isn = 0;
};

/// Flow `number`: a function of its number and kind alone. Outside: 198.18.0.0/15 or
/// 2001:db8:ff00::/40, 131,072 sources before one repeats. Inside: 203.0.113.10, port 443, or
/// 2001:db8:1::a.
Flow flow(std::uint64_t number, Family family, std::uint8_t protocol);

/// What a frame says beyond its flow.
struct Segment {
  Side from = Side::outside;
  std::uint8_t flags = tcp::kAck;
  std::uint32_t sequence = 0, acknowledgement = 0;  ///< TCP, host byte order
  std::uint16_t length = 0;                         ///< of the whole frame; 0: the smallest
  bool mss = false;                                 ///< TCP: carries the option, as a SYN does
};

/// Writes the Ethernet frame, checksums right, padded to 60 bytes; `out` must hold 1518.
/// Returns its length.
std::size_t write_frame(const Flow& flow, const Segment& segment, std::uint8_t* out);

/// The handshake (TCP: three segments; UDP: a datagram each way), in order. `first`: who opens.
std::vector<Segment> opening(const Flow& flow, Side first = Side::outside);
/// A segment that belongs to the open connection and changes nothing in it.
Segment established(const Flow& flow, Side from, std::uint16_t length);

/// What a frame of a case is part of.
enum class Kind : std::uint8_t { established, fresh, scan };
inline constexpr std::size_t kKinds = 3;
/// Of a frame of `mixed`: by its flags, and by its source, for scanners have no connections.
Kind kind_of(const std::uint8_t* frame);

/// Frames as they follow one another on the two ports.
class Case {
 public:
  struct Sizes {
    std::uint64_t packets = 0;      ///< on each port
    std::uint64_t connections = 0;  ///< open beforehand
  };
  Case(std::string_view name, Sizes sizes, std::uint64_t seed);

  /// The next frame of this port, 0 bytes when the port stays silent. `number` counts from 0.
  std::size_t frame(Side side, std::uint64_t number, std::uint8_t* out);

  static std::span<const std::string_view> names();

 private:
  std::size_t scan(std::uint8_t* out, bool spoofed);
  std::size_t malformed(std::uint8_t* out);
  std::size_t established_frame(Side side, std::uint64_t number, std::uint8_t* out);
  [[nodiscard]] std::uint64_t place(Side side, std::uint64_t number) const;

  std::string_view name_;
  Sizes sizes_;
  std::mt19937_64 random_;
  std::vector<std::uint32_t> order_;  ///< of the flows, shuffled
};

}  // namespace mitibox::bench
