// SPDX-License-Identifier: BSD-3-Clause
/// From fragments to one packet that the chain judges, and back (S-FRAG).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "scrubber/fragment_table.hpp"

namespace mitibox {

/// Owned by one lcore. A datagram that became whole goes through the rest of the burst in a buffer
/// of this room's own, while its fragments' frames wait for the verdict: forwarded, it leaves in
/// them; else they end under its reason.
class Reassembly {
 public:
  /// Frames that may wait for the rest of their datagram. They are the ports' buffers, which get as
  /// many more: with datagrams of two fragments, this many a second and more in reordered traffic.
  static constexpr std::uint32_t kFrames = 2048;

  struct Config {
    std::string name;  ///< of the buffers; unique in the process
    FragmentTable::Limits limits;
  };

  /// Throws std::runtime_error when memory for the buffers is short.
  Reassembly(const Policy& policy, const Secrets& secrets, const Config& config,
             Counters& counters);

  /// Takes a fragment whose verdict is `gather`. True: `packet` is its whole datagram now, pending,
  /// parsed and not scrubbed; end() must follow within this burst. False: its frame is the table's,
  /// or it was dropped.
  bool gather(Packet& packet, Now now);

  /// The end of a packet of which gather() made a whole: `send` gets the frames that it leaves in,
  /// if it was forwarded; everything else of it is counted and freed.
  template <typename Send>
  void end(const Packet& whole, Now now, Send send) {
    Open& open = open_of(whole.frame);
    const std::size_t used = leave(whole, open.pieces, now);
    for (std::size_t i = 0; i < used; ++i) send(open.pieces[i].frame);
    close(open, whole, used);
  }

  void sweep(Now now, std::uint32_t most) { table_.sweep(now, most); }
  void finish() { table_.finish(); }
  [[nodiscard]] const FragmentTable& table() const { return table_; }

  /// Of tables and buffers.
  static std::size_t memory_bytes(std::uint32_t datagrams);

 private:
  struct Open {
    rte_mbuf* whole = nullptr;  ///< nullptr: free
    Pieces pieces;
  };
  struct FreePool {
    void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
  };

  Open& open_of(const rte_mbuf* whole);
  std::size_t leave(const Packet& whole, const Pieces& pieces, Now now);
  void close(Open& open, const Packet& whole, std::size_t used);
  std::uint32_t fresh_id(Now now);

  Key128 key_;
  std::uint64_t drawn_ = 0;
  Counters& counters_;
  FragmentTable table_;
  std::unique_ptr<rte_mempool, FreePool> pool_;
  std::array<Open, kBurst> open_;  ///< of this burst
};

}  // namespace mitibox
