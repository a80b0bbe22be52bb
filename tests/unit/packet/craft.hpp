// SPDX-License-Identifier: BSD-3-Clause
/// Frames whose every byte a test may turn into a lie, checksums kept right or wrong as it likes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "probe_frames.hpp"

namespace mitibox::test {

/// Starts as the sound frame of a probe, without padding. Values in host byte order.
class Craft {
 public:
  explicit Craft(const Probe& probe);

  Bytes bytes;
  std::size_t l3 = 0;
  std::size_t l4 = 0;  ///< where the probe's transport header stands now
  bool v4 = true;

  Craft& put8(std::size_t at, unsigned value);
  Craft& put16(std::size_t at, unsigned value);
  Craft& put32(std::size_t at, std::uint32_t value);
  /// Bytes between what stands there; l4 moves along when it lies at `at` or behind.
  Craft& insert(std::size_t at, const Bytes& more);
  /// Cuts the frame, or lengthens it by bytes of 0xee.
  Craft& resize(std::size_t length);

  /// The IP length field says what stands behind l3, and the IPv4 header is summed.
  Craft& fit();
  /// The IPv4 header's checksum is right for the length that the header says.
  Craft& sum_ip();
  /// The transport checksum is right for the bytes from l4 to the end of the frame.
  Craft& sum_upper(std::uint8_t protocol);

  /// IPv6: an extension header that says `header` itself stands before l4; fits the length.
  Craft& extend(std::uint8_t type, Bytes header);
  /// A fragment header (IPv6) or the fragment fields (IPv4). `offset` in bytes; fits the length.
  struct Piece {
    std::uint32_t id = 7;
    unsigned offset = 0;
    bool more = false;
  };
  Craft& fragment(const Piece& piece);

  /// The frame in one segment. The caller's.
  [[nodiscard]] rte_mbuf* frame(rte_mempool* pool = probe_pool()) const;
};

/// Probes from a stranger to a protected host, or back.
Probe probe_between(bool v6, Side from);

}  // namespace mitibox::test
