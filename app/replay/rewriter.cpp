// SPDX-License-Identifier: BSD-3-Clause
#include "rewriter.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "packet/checksum.hpp"

namespace mitibox::replay {

namespace {

constexpr std::size_t kAcknowledgementAt = 8;
constexpr std::size_t kChecksumAt = 16;

be32 load32(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::uint32_t raw = 0;
  std::memcpy(&raw, &bytes[at], sizeof raw);
  return be32::from_raw(raw);
}

be16 load16(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::uint16_t raw = 0;
  std::memcpy(&raw, &bytes[at], sizeof raw);
  return be16::from_raw(raw);
}

/// Calls `found` with the offset of each SACK edge (RFC 2018); stops at a malformed option.
template <typename Found>
void each_sack_edge(std::span<const std::uint8_t> tcp, Found found) {
  std::size_t at = sizeof(TcpHeader);
  while (at < tcp.size() && tcp[at] != tcp::kOptionEnd) {
    if (tcp[at] == tcp::kOptionNop) {
      ++at;
      continue;
    }
    if (at + 1 >= tcp.size()) return;
    const std::size_t length = tcp[at + 1];
    if (length < 2 || at + length > tcp.size()) return;
    if (tcp[at] == tcp::kOptionSack)
      for (std::size_t edge = at + 2; edge + 4 <= at + length; edge += 4) found(edge);
    at += length;
  }
}

}  // namespace

void replace32(std::span<std::uint8_t> tcp, std::size_t offset, be32 value) {
  // The checksum sums aligned words: take all that the value touches (three at an odd offset).
  const std::size_t first = offset & ~std::size_t{1};
  const std::size_t words = (offset - first + sizeof value + 1) / 2;
  std::array<be16, 3> old{};
  for (std::size_t i = 0; i < words; ++i) old[i] = load16(tcp, first + 2 * i);
  const std::uint32_t raw = value.raw();
  std::memcpy(&tcp[offset], &raw, sizeof raw);
  be16 checksum = load16(tcp, kChecksumAt);
  for (std::size_t i = 0; i < words; ++i)
    checksum = adjust(checksum, old[i], load16(tcp, first + 2 * i));
  const std::uint16_t folded = checksum.raw();
  std::memcpy(&tcp[kChecksumAt], &folded, sizeof folded);
}

void Rewriter::rewrite(std::span<std::uint8_t> tcp, std::uint32_t offset) {
  const auto move = [&](std::size_t at) {
    replace32(tcp, at, be32(load32(tcp, at).host() + offset));
  };
  move(kAcknowledgementAt);
  each_sack_edge(tcp, move);
  ++rewritten_;
}

void Rewriter::before(std::span<std::uint8_t> frame, const FrameView& view, Side from) {
  if (!view.is_tcp()) return;
  const auto flow = flow_of(view, from);
  if (!flow) return;
  if (from == Side::outside && view.is_syn()) {
    Entry& entry = flows_[*flow];
    if (entry.opened != view.sequence) entry = {view.sequence, {}, {}};
    return;
  }
  const auto known = flows_.find(*flow);
  if (known == flows_.end()) return;
  Entry& entry = known->second;
  if (from == Side::inside) {
    if (view.is_syn_ack() && view.acknowledgement == entry.opened + 1)
      entry.recorded = view.sequence;
    return;
  }
  if ((view.tcp_flags & tcp::kAck) != 0 && entry.forged && entry.recorded)
    rewrite(frame.subspan(view.l4, view.tcp_length), *entry.forged - *entry.recorded);
}

void Rewriter::made(const FrameView& view) {
  if (!view.is_syn_ack()) return;
  const auto flow = flow_of(view, Side::inside);
  if (!flow) return;
  const auto known = flows_.find(*flow);
  if (known != flows_.end() && view.acknowledgement == known->second.opened + 1)
    known->second.forged = view.sequence;
}

}  // namespace mitibox::replay
