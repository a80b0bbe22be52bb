// SPDX-License-Identifier: BSD-3-Clause
/// How frames get from the worker that received them to the one that owns their source.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "packet/packet.hpp"

namespace mitibox {

/// A bounded ring for each pair of workers: one producer, one consumer, so that frames keep their
/// order and nobody waits for anybody. Made and destroyed by the control thread.
class HandOff {
 public:
  static constexpr unsigned kMaxWorkers = 64;
  static constexpr unsigned kFrames = 1024;  ///< of each ring; more are refused

  /// `name`: prefix of the rings' names, unique in the process. Throws std::runtime_error naming
  /// the ring and its size when memory is short.
  HandOff(const std::string& name, unsigned workers, unsigned size = kFrames);

  [[nodiscard]] unsigned workers() const { return workers_; }

  /// What one worker gives to the others. Owned by that worker.
  class Outbox {
   public:
    Outbox(HandOff& rings, unsigned self) : rings_(rings), self_(self), boxes_(rings.workers()) {}

    /// Takes the frame until flush(). At most kBurst between two of them.
    void put(unsigned to, rte_mbuf* frame) {
      Box& box = boxes_[to];
      if (box.count == 0) touched_[touched_count_++] = static_cast<std::uint8_t>(to);
      box.frames[box.count++] = frame;
    }
    /// Gives everything away and returns how many; `refused` gets each frame for which its ring
    /// had no room.
    template <typename Refused>
    unsigned flush(Refused refused) {
      unsigned all = 0;
      for (unsigned i = 0; i < touched_count_; ++i) {
        Box& box = boxes_[touched_[i]];
        const unsigned given = rings_.give(self_, touched_[i], box.frames.data(), box.count);
        all += given;
        for (unsigned f = given; f < box.count; ++f) refused(box.frames[f]);
        box.count = 0;
      }
      touched_count_ = 0;
      return all;
    }

   private:
    struct Box {
      std::array<rte_mbuf*, kBurst> frames;
      unsigned count = 0;
    };
    HandOff& rings_;
    unsigned self_;
    std::vector<Box> boxes_;
    std::array<std::uint8_t, kBurst> touched_;
    unsigned touched_count_ = 0;
  };

  /// Takes what others gave to this worker, at most kBurst from each: `take` gets the port that
  /// they came in by (mbuf.port) and frames in their order. Returns how many. Only by worker `to`.
  template <typename Take>
  unsigned drain(unsigned to, Take take) {
    unsigned all = 0;
    for (unsigned from = 0; from < workers_; ++from) {
      if (from == to) continue;
      std::array<rte_mbuf*, kBurst> frames;
      const unsigned n = rte_ring_sc_dequeue_burst(
          ring(from, to), reinterpret_cast<void**>(frames.data()), kBurst, nullptr);
      all += n;
      // In runs of one port.
      for (unsigned at = 0; at < n;) {
        unsigned end = at + 1;
        while (end < n && frames[end]->port == frames[at]->port) ++end;
        take(frames[at]->port, std::span<rte_mbuf* const>(&frames[at], end - at));
        at = end;
      }
    }
    return all;
  }

 private:
  struct FreeRing {
    void operator()(rte_ring* ring) const { rte_ring_free(ring); }
  };
  [[nodiscard]] rte_ring* ring(unsigned from, unsigned to) const {
    return rings_[from * workers_ + to].get();
  }
  unsigned give(unsigned from, unsigned to, rte_mbuf** frames, unsigned count) {
    return rte_ring_sp_enqueue_burst(ring(from, to), reinterpret_cast<void**>(frames), count,
                                     nullptr);
  }

  unsigned workers_;
  std::vector<std::unique_ptr<rte_ring, FreeRing>> rings_;
};

}  // namespace mitibox
