// SPDX-License-Identifier: BSD-3-Clause
#include "scrubber/fragments.hpp"

#include <algorithm>
#include <cstring>

namespace mitibox {

Fragments::Fragments(const Secrets& secrets, std::uint32_t entries)
    : key_(secrets.fragment),
      sets_(std::max<std::size_t>(1, entries / kWays)),
      entries_(sets_ * kWays) {}

FragmentPosition fragment_position(const Packet& p) {
  if (p.family == Family::v4) {
    const auto& ip = p.ipv4();
    const std::uint16_t field = ip.fragment.host();
    return {ip.id.host(), static_cast<std::uint16_t>((field & kIpv4OffsetMask) * 8U),
            (field & kIpv4MoreFragments) != 0};
  }
  // The Scrubber admits no other extension header, so it stands right behind the IPv6 header.
  const auto& header =
      *reinterpret_cast<const Ipv6FragmentHeader*>(p.data() + p.l3 + sizeof(Ipv6Header));
  const std::uint16_t field = header.offset_more.host();
  return {header.id.host(), static_cast<std::uint16_t>(field & 0xfff8U), (field & 1U) != 0};
}

bool fragment_fits(const Packet& p) {
  const FragmentPosition at = fragment_position(p);
  const unsigned length = p.end - unsigned{p.l4};
  const unsigned header = p.family == Family::v4 ? sizeof(Ipv4Header) : 0U;
  return length != 0 && (!at.more_follow || length % 8 == 0) &&
         header + at.offset + length <= UINT16_MAX;
}

void strip_fragment_header(Packet& p) {
  constexpr std::uint16_t kLength = sizeof(Ipv6FragmentHeader);
  auto& ip = p.ipv6();
  ip.next_header = p.protocol;
  ip.payload_length = be16(static_cast<std::uint16_t>(ip.payload_length.host() - kLength));
  std::memmove(p.data() + kLength, p.data(), p.l3 + sizeof ip);
  p.bytes = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_adj(p.frame, kLength));
  p.end = static_cast<std::uint16_t>(p.end - kLength);
}

std::uint64_t Fragments::identity(const Packet& p) const {
  const std::uint64_t rest = fragment_position(p).id | std::uint64_t{p.protocol} << 32U |
                             std::uint64_t{index(p.from)} << 40U;
  const Address from = p.source();
  const Address to = p.destination();
  return siphash13_of(key_, from.high(), from.low(), to.high(), to.low(), rest) | 1U;
}

void Fragments::remember(const Packet& first, Now now) {
  const std::uint64_t id = identity(first);
  const auto set = std::span(entries_).subspan(set_of(id), kWays);
  auto covered = static_cast<std::uint16_t>(first.end - first.l4);
  Entry* slot = &set[0];
  for (Entry& e : set) {
    if (e.identity == id || e.identity == 0) {
      slot = &e;
      break;
    }
    if (elapsed(now.tick, e.seen) > elapsed(now.tick, slot->seen)) slot = &e;
  }
  // A shorter first of the same datagram must not lay the longer one's headers open.
  if (slot->identity == id && elapsed(now.tick, slot->seen) <= kLifetime)
    covered = std::max(covered, slot->covered);
  *slot = {id, now.tick, covered};
}

bool Fragments::follows(const Packet& later, Now now) const {
  const std::uint64_t id = identity(later);
  for (const Entry& e : std::span(entries_).subspan(set_of(id), kWays))
    if (e.identity == id)
      return elapsed(now.tick, e.seen) <= kLifetime && fragment_position(later).offset >= e.covered;
  return false;
}

std::size_t Fragments::memory_bytes(std::uint32_t entries) {
  return entries * sizeof(Entry);
}

}  // namespace mitibox
