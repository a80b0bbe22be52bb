// SPDX-License-Identifier: BSD-3-Clause
#include "splice/translation.hpp"

#include <cstring>

#include "packet/checksum.hpp"

namespace mitibox {

namespace {

/// Replaces header words and keeps the sum of what changed.
class Patch {
 public:
  explicit Patch(TcpHeader& tcp) : tcp_(tcp) {}
  ~Patch() {
    if (sum_ != 0)
      tcp_.checksum = checksum_of(static_cast<std::uint16_t>(~tcp_.checksum.raw()) + sum_);
  }
  Patch(const Patch&) = delete;
  Patch& operator=(const Patch&) = delete;

  void put(be32& field, std::uint32_t value) {
    const be32 now(value);
    if (now == field) return;
    sum_ += std::uint64_t{~field.raw()} + now.raw();
    field = now;
  }
  void put(be16& field, std::uint32_t value) {
    const be16 now(static_cast<std::uint16_t>(value));
    if (now == field) return;
    sum_ += std::uint64_t{static_cast<std::uint16_t>(~field.raw())} + now.raw();
    field = now;
  }
  /// A word at any alignment, `offset` bytes into the header.
  void add(std::uint8_t* at, std::size_t offset, std::uint32_t difference) {
    be32 word;
    std::memcpy(&word, at, sizeof word);
    const be32 now(word.host() + difference);
    // At an odd offset the bytes weigh as if swapped in pairs.
    const auto weigh = [&](std::uint32_t raw) {
      return offset % 2 == 0 ? raw : (raw & 0x00ff00ffU) << 8U | (raw >> 8U & 0x00ff00ffU);
    };
    sum_ += std::uint64_t{static_cast<std::uint32_t>(~weigh(word.raw()))} + weigh(now.raw());
    std::memcpy(at, &now, sizeof now);
  }

 private:
  TcpHeader& tcp_;
  std::uint64_t sum_ = 0;
};

/// The SACK blocks of a segment: `visit(first byte of an edge, its offset in the header)`.
template <typename Visit>
void each_sack_edge(Packet& p, Visit visit) {
  std::uint8_t* const start = p.data() + p.l4;
  std::uint8_t* at = start + sizeof(TcpHeader);
  const std::uint8_t* const end = p.data() + p.payload;
  while (at < end && *at != tcp::kOptionEnd) {
    if (*at == tcp::kOptionNop) {
      ++at;
      continue;
    }
    if (end - at < 2 || at[1] < 2 || at[1] > end - at) return;
    if (*at == tcp::kOptionSack)
      for (std::uint8_t* edge = at + 2; edge + 4 <= at + at[1]; edge += 4)
        visit(edge, static_cast<std::size_t>(edge - start));
    at += at[1];
  }
}

}  // namespace

void write_for_host(Packet& p, const Connection& c) {
  TcpHeader& tcp = p.tcp();
  Patch patch(tcp);
  if ((p.tcp_flags & tcp::kAck) != 0) patch.put(tcp.acknowledgement, p.acknowledgement);
  patch.put(tcp.window, p.window);
  if (p.payload > p.l4 + sizeof(TcpHeader))
    each_sack_edge(
        p, [&](std::uint8_t* edge, std::size_t offset) { patch.add(edge, offset, 0U - c.shift); });
}

void write_for_outside(Packet& p, const Connection& c) {
  TcpHeader& tcp = p.tcp();
  Patch patch(tcp);
  patch.put(tcp.sequence, p.sequence + c.shift);
  if (c.rescaled && (p.tcp_flags & (tcp::kAck | tcp::kSyn)) == tcp::kAck)
    patch.put(tcp.window, window_for_outside(p.window << c.ends[index(Side::inside)].scale, c));
}

}  // namespace mitibox
