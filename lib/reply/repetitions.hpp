// SPDX-License-Identifier: BSD-3-Clause
/// SYN/ACKs that may be sent once more: a last ACK that is lost hangs protocols whose server speaks
/// first (SMTP, FTP).
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/siphash.hpp"
#include "base/time.hpp"
#include "packet/header_copy.hpp"
#include "packet/offer.hpp"
#include "probability/fixed_array.hpp"

namespace mitibox {

/// Owned by one lcore. All wait equally long, so a ring in order of time does. When it is full, or
/// a source has its share of it, an answer is not repeated, whoever it was for: what is behind a
/// destination is not known here.
class Repetitions {
 public:
  static constexpr std::uint32_t kMost = 1U << 15U;  ///< waiting at once
  static constexpr std::uint8_t kPerSource = 32;     ///< of these, about, from one source
  static constexpr std::uint32_t kAfter = 1000;      ///< ms

  struct Waiting {
    HeaderCopy syn;
    std::uint32_t hash = 0;  ///< Packet::hash
    std::uint32_t isn = 0;
    SynOffer offer;
    Tick due = 0;
    std::uint16_t share = 0;
  };

  Repetitions(Key128 key, const std::string& name) : key_(key), ring_(kMost, {name, "tables"}) {}

  void add(const Packet& syn, std::uint32_t isn, const SynOffer& offer, Now now) {
    if (last_ - first_ == kMost) return;
    const Address source = syn.source();
    const auto share = static_cast<std::uint16_t>(siphash13_of(key_, source.high(), source.low()) %
                                                  shares_.size());
    if (shares_[share] == kPerSource) return;
    ++shares_[share];
    ring_[last_++ % kMost] = {HeaderCopy(syn), syn.hash, isn, offer, now.tick + kAfter, share};
  }

  /// Takes those that are due, at most `budget`.
  template <typename Visit>
  void take(Now now, std::uint32_t budget, Visit visit) {
    for (; budget > 0 && first_ != last_; --budget) {
      const Waiting& w = ring_[first_ % kMost];
      if (static_cast<std::int32_t>(now.tick - w.due) < 0) return;
      --shares_[w.share];
      ++first_;
      visit(w);
    }
  }

  static std::size_t memory_bytes() { return kMost * sizeof(Waiting) + 256; }

 private:
  Key128 key_;
  FixedArray<Waiting> ring_;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  std::array<std::uint8_t, 8192> shares_{};  ///< waiting, by keyed hash of the source
};

}  // namespace mitibox
