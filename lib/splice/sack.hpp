// SPDX-License-Identifier: BSD-3-Clause
/// Rule N-OUT-7: clients are promised SACK (RFC 2018); of hosts that have none the box says it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.hpp"
#include "packet/packet.hpp"
#include "probability/fixed_array.hpp"

namespace mitibox {

/// What clients have sent out of order, of connections whose hosts say no SACK. Owned by one lcore;
/// nothing is allocated after construction. An entry lasts from a gap to its end: sets of four,
/// found by the keyed hash of the flow; where all four are in use, another connection with a gap
/// has to do without.
///
/// A block says what went to the host, not what it keeps: one that loses or discards it has reneged
/// (RFC 2018 8). Its client holds all that is not acknowledged, sees its acknowledgements stand
/// still before a block that is selectively acknowledged, and sends that again.
class Sacks {
 public:
  static constexpr std::uint32_t kMost = 4096;  ///< connections with a gap
  static constexpr std::size_t kBlocks = 3;     ///< of a connection; its newest
  static constexpr std::uint32_t kIdle = 4000;  ///< ms after which an entry may go to another

  struct Counters {
    std::uint64_t written = 0;  ///< acknowledgements that were given blocks
    std::uint64_t full = 0;     ///< gaps that found no entry: their ends were not told
  };

  /// Throws std::runtime_error naming the table, its size and the option when memory is short.
  explicit Sacks(const std::string& name);

  /// A new connection of this flow: what an earlier one left open is nothing of its.
  void forget(const Packet& p) {
    if (Gap* const gap = find(p); gap != nullptr) gap->count = 0;
  }

  /// This segment `p` of a client's has left for its host.
  void sent(const Packet& p, Now now);

  /// Gives a host's bare acknowledgement the blocks behind it, the newest first. Its frame grows.
  void write(Packet& p);

  [[nodiscard]] const Counters& counters() const { return counters_; }
  static std::size_t memory_bytes();

 private:
  /// Sequence numbers, host byte order: of the first octet, and behind the last.
  struct Block {
    std::uint32_t start, end;
  };
  struct Gap {
    FlowKey flow;
    std::uint32_t hash;
    Tick last;            ///< when it was written
    std::uint32_t count;  ///< of blocks; 0: not in use
    std::array<Block, kBlocks> blocks;
  };
  static_assert(sizeof(Gap) <= 80, "4096 of them: 320 KiB");
  static constexpr std::uint32_t kWays = 4;

  [[nodiscard]] std::uint32_t set_of(std::uint32_t hash) const {
    return hash % (kMost / kWays) * kWays;
  }
  [[nodiscard]] Gap* find(const Packet& packet);
  [[nodiscard]] Gap* begin(const Packet& packet, Now now);
  static void add(Gap& gap, Block block);

  FixedArray<Gap> gaps_;
  Counters counters_;
};

}  // namespace mitibox
