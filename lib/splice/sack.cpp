// SPDX-License-Identifier: BSD-3-Clause
#include "splice/sack.hpp"

#include <algorithm>
#include <cstring>

#include "packet/header_room.hpp"
#include "tracker/sequence.hpp"

namespace mitibox {

namespace {

/// The first word of the option and what aligns it, as it lies on the wire.
be32 head_of(std::size_t blocks) {
  return be32(std::uint32_t{tcp::kOptionNop} << 24U | std::uint32_t{tcp::kOptionNop} << 16U |
              std::uint32_t{tcp::kOptionSack} << 8U | static_cast<std::uint32_t>(2 + 8 * blocks));
}

}  // namespace

Sacks::Sacks(const std::string& name) : gaps_(kMost, {name, "tables"}) {}

Sacks::Gap* Sacks::find(const Packet& p) {
  Gap* const set = &gaps_[set_of(p.hash)];
  for (std::uint32_t way = 0; way < kWays; ++way)
    if (set[way].count != 0 && set[way].hash == p.hash && set[way].flow == p.key) return &set[way];
  return nullptr;
}

Sacks::Gap* Sacks::begin(const Packet& p, Now now) {
  Gap* const set = &gaps_[set_of(p.hash)];
  for (std::uint32_t way = 0; way < kWays; ++way) {
    Gap& gap = set[way];
    if (gap.count != 0 && elapsed(now.tick, gap.last) < kIdle) continue;
    gap.flow = p.key;
    gap.hash = p.hash;
    gap.count = 0;
    return &gap;
  }
  ++counters_.full;
  return nullptr;
}

void Sacks::sent(const Packet& p, Now now) {
  // What the host expects next ends a gap, or begins none.
  if (p.payload_length() == 0 || p.limited < Limited::beyond) return;
  Gap* gap = find(p);
  if (gap == nullptr && p.limited == Limited::ahead) gap = begin(p, now);
  if (gap == nullptr) return;
  gap->last = now.tick;
  add(*gap, {p.sequence, p.sequence + p.payload_length()});
}

/// Joined with what it touches, it is the newest; the oldest goes when there are too many.
void Sacks::add(Gap& gap, Block block) {
  std::array<Block, kBlocks + 1> blocks;
  std::size_t count = 1;
  for (std::size_t i = 0; i < gap.count; ++i) {
    const Block& other = gap.blocks[i];
    if (seq_after(block.start, other.end) || seq_after(other.start, block.end)) {
      blocks[count++] = other;
      continue;
    }
    if (seq_before(other.start, block.start)) block.start = other.start;
    if (seq_after(other.end, block.end)) block.end = other.end;
  }
  blocks[0] = block;
  gap.count = static_cast<std::uint32_t>(std::min(count, kBlocks));
  std::copy_n(blocks.begin(), gap.count, gap.blocks.begin());
}

void Sacks::write(Packet& p) {
  Gap* const gap = find(p);
  if (gap == nullptr || (p.tcp_flags & tcp::kAck) == 0) return;
  // A block that the host has reached is no longer behind a gap, or the host has not got it.
  Block* const end =
      std::remove_if(gap->blocks.data(), gap->blocks.data() + gap->count,
                     [&](const Block& b) { return !seq_after(b.start, p.acknowledgement); });
  gap->count = static_cast<std::uint32_t>(end - gap->blocks.data());
  const bool bare = p.tcp_flags == tcp::kAck && p.end - p.l4 == sizeof(TcpHeader);
  if (gap->count == 0 || !bare) return;

  std::array<be32, 1 + 2 * kBlocks> option;
  option[0] = head_of(gap->count);
  for (std::size_t i = 0; i < gap->count; ++i) {
    option[1 + 2 * i] = be32(gap->blocks[i].start);
    option[2 + 2 * i] = be32(gap->blocks[i].end);
  }
  const std::size_t length = 4 + 8 * gap->count;
  if (!resize_options(p, length)) return;
  std::memcpy(p.data() + p.l4 + sizeof(TcpHeader), option.data(), length);
  sum_segment(p);
  ++counters_.written;
}

std::size_t Sacks::memory_bytes() {
  return kMost * sizeof(Gap) + 1024;
}

}  // namespace mitibox
