// SPDX-License-Identifier: BSD-3-Clause
/// Frames of a burst as they came, for those that are to leave so after all.
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "packet/packet.hpp"

namespace mitibox {

/// What a frame carries behind its headers nobody changes before it is emitted.
class Originals {
 public:
  void save(std::span<rte_mbuf* const> frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const rte_mbuf& f = *frames[i];
      Saved& s = all_[i];
      s.offset = f.data_off;
      s.length = f.data_len;
      s.whole = f.pkt_len;
      std::memcpy(s.head.data(), rte_pktmbuf_mtod(&f, const void*),
                  std::min<std::size_t>(s.head.size(), f.data_len));
    }
  }
  /// Of the frame at this place; it must have been given to save() there.
  void restore(std::size_t place, rte_mbuf& frame) const {
    const Saved& s = all_[place];
    frame.data_off = s.offset;
    frame.data_len = s.length;
    frame.pkt_len = s.whole;
    std::memcpy(rte_pktmbuf_mtod(&frame, void*), s.head.data(),
                std::min<std::size_t>(s.head.size(), s.length));
  }

 private:
  /// Two tags, IPv6, a fragment header, and TCP with all options: 130 bytes.
  static constexpr std::size_t kHead = 192;
  struct Saved {
    std::array<std::uint8_t, kHead> head;
    std::uint32_t whole;
    std::uint16_t offset, length;
  };
  std::array<Saved, kBurst> all_;
};

}  // namespace mitibox
