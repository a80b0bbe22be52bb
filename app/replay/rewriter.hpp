// SPDX-License-Identifier: BSD-3-Clause
/// A recorded client acknowledges the sequence numbers of the server of its time, not those that
/// the box forges now. Where the box forged a SYN/ACK, the client's later acknowledgements are
/// moved by the difference of the two initial sequence numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "frame_view.hpp"

namespace mitibox::replay {

/// Changes 32 bits at `offset` of the TCP header that starts at `tcp`, and its checksum such that
/// it stays right if it was and wrong if it was not (RFC 1624), at odd offsets too.
void replace32(std::span<std::uint8_t> tcp, std::size_t offset, be32 value);

class Rewriter {
 public:
  /// A frame is about to enter the chain. Rewrites its acknowledgement and SACK edges if it comes
  /// from outside and its flow was forged.
  void before(std::span<std::uint8_t> frame, const FrameView& view, Side from);

  /// The box sends a frame of its own to outside.
  void made(const FrameView& view);

  [[nodiscard]] std::uint64_t rewritten() const { return rewritten_; }

 private:
  struct Entry {
    std::uint32_t opened = 0;               ///< the client's ISN
    std::optional<std::uint32_t> forged;    ///< the box's ISN
    std::optional<std::uint32_t> recorded;  ///< the server's ISN
  };
  void rewrite(std::span<std::uint8_t> tcp, std::uint32_t offset);

  std::unordered_map<Flow, Entry, Flow::Hash> flows_;
  std::uint64_t rewritten_ = 0;
};

}  // namespace mitibox::replay
