// SPDX-License-Identifier: BSD-3-Clause
/// Rule N-OUT-8: clients are promised the persona's MSS; hosts may take less.
#pragma once

#include <rte_mempool.h>

#include <array>
#include <cstddef>
#include <span>

#include "base/secrets.hpp"
#include "packet/builder.hpp"
#include "packet/packet.hpp"
#include "packet/persona.hpp"

namespace mitibox {

/// Cuts TCP segments (RFC 9293 3.7.1). Owned by one lcore, like its pool.
class Splitter {
 public:
  static constexpr std::size_t kMost = 32;  ///< pieces of a segment
  using Pieces = std::array<rte_mbuf*, kMost>;

  /// `pool`: what pieces are made of.
  Splitter(const Secrets& secrets, rte_mempool* pool);

  /// Whether its host would not take this segment whole.
  static bool needed(const Packet& segment) {
    return segment.host_mss != 0 && segment.end - segment.l4 - kHeader > segment.host_mss;
  }

  /// Frames that hold the segment in pieces of at most its `host_mss`, in order; the segment stays
  /// as it is. All have its headers, each its own number; FIN and PSH stand on the last, CWR on the
  /// first (RFC 3168 6.1.2), and all but the first have a random IPv4 identifier. What would take
  /// more than kMost goes in longer pieces. Nothing when buffers are short, or too small.
  [[nodiscard]] std::span<rte_mbuf*> split(const Packet& segment, Pieces& pieces);

 private:
  static constexpr int kHeader = sizeof(TcpHeader);

  /// Where a piece lies in the payload, in bytes.
  struct Part {
    std::size_t offset, length;
    bool last;
  };
  void write(rte_mbuf* piece, const Packet& segment, const Part& part);

  Builder builder_;
  Persona persona_;  ///< for identifiers
};

}  // namespace mitibox
