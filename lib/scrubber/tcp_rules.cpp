// SPDX-License-Identifier: BSD-3-Clause
#include "scrubber/tcp_rules.hpp"

#include <bit>
#include <cstring>
#include <span>

#include "packet/checksum.hpp"
#include "packet/header_room.hpp"
#include "packet/offer.hpp"
#include "packet/persona.hpp"

namespace mitibox {

namespace {

using namespace tcp;

/// Length that the option must have; 0: any.
unsigned fixed_length(std::uint8_t kind) {
  switch (kind) {
    case kOptionMss:
      return 4;
    case kOptionWindowScale:
      return 3;
    case kOptionSackPermitted:
      return 2;
    case kOptionTimestamps:
      return 10;
    default:
      return 0;
  }
}

bool sack_length(unsigned length) {
  return length >= 10 && length <= 34 && length % 8 == 2;
}

/// Zeros `bytes`, which lie `offset` bytes into the header, and keeps the checksum right.
void zero_tail(TcpHeader& tcp, std::span<std::uint8_t> bytes, std::size_t offset) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == 0) continue;
    const bool high = (offset + i) % 2 == 0;
    const std::uint16_t was = static_cast<std::uint16_t>(high ? bytes[i] << 8U : bytes[i]);
    tcp.checksum = adjust(tcp.checksum, be16(was), be16());
    bytes[i] = 0;
  }
}

}  // namespace

bool normalise_flags(TcpHeader& tcp, bool keep_ecn) {
  std::uint8_t flags = tcp.flags;
  if (!keep_ecn) flags = static_cast<std::uint8_t>(flags & ~(kEce | kCwr));
  if ((flags & kAck) != 0) flags = static_cast<std::uint8_t>(flags & ~kUrg);
  // URG never stands without ACK and is cleared with it.
  if ((flags & kUrg) != 0 || !kLegalFlags[flags & 0x1fU]) return false;

  const auto offset = static_cast<std::uint8_t>(tcp.offset_reserved & 0xf0U);
  if (flags != tcp.flags || offset != tcp.offset_reserved) {
    const auto word = [](std::uint8_t high, std::uint8_t low) {
      return be16(static_cast<std::uint16_t>(high << 8U | low));
    };
    tcp.checksum = adjust(tcp.checksum, word(tcp.offset_reserved, tcp.flags), word(offset, flags));
    tcp.flags = flags;
    tcp.offset_reserved = offset;
  }
  if (tcp.urgent.raw() != 0) {
    tcp.checksum = adjust(tcp.checksum, tcp.urgent, be16());
    tcp.urgent = be16();
  }
  return true;
}

bool normalise_options(TcpHeader& tcp) {
  const std::size_t length = tcp.header_length() - sizeof(TcpHeader);
  if (length == 0) return true;
  auto* first = reinterpret_cast<std::uint8_t*>(&tcp) + sizeof(TcpHeader);
  const std::span<std::uint8_t> options(first, length);
  std::uint64_t seen[4] = {};
  std::size_t at = 0;
  while (at < length) {
    const std::uint8_t kind = options[at];
    if (kind == kOptionNop) {
      ++at;
      continue;
    }
    if (kind == kOptionEnd) {
      zero_tail(tcp, options.subspan(at), at);
      return true;
    }
    if (at + 1 >= length) return false;
    const unsigned size = options[at + 1];
    if (size < 2 || at + size > length) return false;
    if (const unsigned fixed = fixed_length(kind); fixed != 0 && size != fixed) return false;
    if (kind == kOptionSack && !sack_length(size)) return false;
    const std::uint64_t bit = std::uint64_t{1} << (kind % 64U);
    if ((seen[kind / 64U] & bit) != 0) return false;
    seen[kind / 64U] |= bit;
    at += size;
  }
  return true;
}

namespace {

/// Whether the header holds an option of this kind; its list has been checked.
bool has_option(const Packet& p, std::uint8_t kind) {
  const std::uint8_t* at = p.data() + p.l4 + sizeof(TcpHeader);
  const std::uint8_t* const end = p.data() + p.payload;
  while (at < end && *at != kOptionEnd) {
    if (*at == kind) return true;
    at += *at == kOptionNop ? 1 : at[1];
  }
  return false;
}

}  // namespace

void normalise_syn(Packet& p) {
  const std::size_t before = p.payload - p.l4 - sizeof(TcpHeader);
  if (before == 0 || p.payload != p.end || has_option(p, kOptionMd5) || has_option(p, kOptionAo))
    return;
  const SynOffer offer = read_offer(p);
  const SynOptions options(offer.mss, offer, offer.window_scale);
  const std::size_t after = options.words().size_bytes();
  auto* const at = p.data() + p.l4 + sizeof(TcpHeader);
  if (after > before || !has_option(p, kOptionMss)) return;
  if (after == before && std::memcmp(at, options.words().data(), after) == 0) return;
  resize_options(p, after);
  std::memcpy(at, options.words().data(), after);
  sum_segment(p);
}

void shorten(Packet& p) {
  const auto total = static_cast<std::uint16_t>(p.end - p.l3);
  if (p.family == Family::v4) {
    auto& ip = p.ipv4();
    ip.checksum = adjust(ip.checksum, ip.total_length, be16(total));
    ip.total_length = be16(total);
  } else {
    p.ipv6().payload_length = be16(static_cast<std::uint16_t>(total - sizeof(Ipv6Header)));
  }
  rte_pktmbuf_trim(p.frame, static_cast<std::uint16_t>(p.frame->data_len - p.end));
}

}  // namespace mitibox
