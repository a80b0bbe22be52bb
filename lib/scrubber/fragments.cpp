// SPDX-License-Identifier: BSD-3-Clause
#include "scrubber/fragments.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/poison.hpp"
#include "packet/checksum.hpp"
#include "packet/cursor.hpp"

namespace mitibox {

namespace {

/// What every path takes in one packet: IPv4 routers may cut what does not forbid it, so that is
/// what Ethernet takes, else what every host takes (RFC 791); RFC 8200 5.
constexpr std::uint16_t kWholeV4 = 1500;
constexpr std::uint16_t kWholeUncutV4 = 576;
constexpr std::uint16_t kWholeV6 = 1280;

std::uint16_t least_whole(const Packet& p) {
  if (p.family == Family::v6) return kWholeV6;
  return (p.ipv4().fragment.host() & kIpv4DontFragment) != 0 ? kWholeUncutV4 : kWholeV4;
}

void sum_header(Ipv4Header& ip) {
  ip.checksum = be16();
  ip.checksum = checksum_of(sum_bytes(reinterpret_cast<const std::uint8_t*>(&ip), sizeof ip));
}

/// A part of a datagram, to be a packet.
struct Cut {
  std::uint16_t offset;  ///< of the part in the datagram, bytes
  std::uint16_t length;  ///< of the part, bytes
  bool more;
  bool whole;
};

/// Puts frame headers, fragment header and part into `frame`. False when it has no room.
bool write(const Packet& datagram, const Cut& cut, std::uint32_t id, rte_mbuf* frame) {
  const bool extended = datagram.family == Family::v6 && !cut.whole;
  const std::size_t head = datagram.l4;
  const std::size_t extension = extended ? sizeof(Ipv6FragmentHeader) : 0;
  const std::size_t size = head + extension + cut.length;
  if (size > frame->buf_len) return false;
  unpoison_frame(frame);
  frame->data_off = static_cast<std::uint16_t>(
      std::min<std::size_t>(RTE_PKTMBUF_HEADROOM, frame->buf_len - size));
  frame->data_len = static_cast<std::uint16_t>(size);
  frame->pkt_len = frame->data_len;
  auto* to = rte_pktmbuf_mtod(frame, std::uint8_t*);
  std::memcpy(to, datagram.data(), head);
  std::memcpy(to + head + extension, datagram.data() + head + cut.offset, cut.length);
  if (datagram.family == Family::v4) {
    auto& ip = *reinterpret_cast<Ipv4Header*>(to + datagram.l3);
    ip.total_length = be16(static_cast<std::uint16_t>(sizeof ip + cut.length));
    ip.id = be16(static_cast<std::uint16_t>(id));
    ip.fragment =
        be16(static_cast<std::uint16_t>((ip.fragment.host() & kIpv4DontFragment) |
                                        (cut.more ? kIpv4MoreFragments : 0U) | cut.offset / 8U));
    sum_header(ip);
  } else if (extended) {
    auto& ip = *reinterpret_cast<Ipv6Header*>(to + datagram.l3);
    const Ipv6FragmentHeader header{
        ip.next_header, 0, be16(static_cast<std::uint16_t>(cut.offset | (cut.more ? 1U : 0U))),
        be32(id)};
    ip.next_header = protocol::kIpv6Fragment;
    ip.payload_length = be16(static_cast<std::uint16_t>(extension + cut.length));
    std::memcpy(to + head, &header, sizeof header);
  }
  return true;
}

const std::uint8_t* bytes_of(const Pieces::Piece& piece) {
  return rte_pktmbuf_mtod(piece.frame, const std::uint8_t*) + piece.at;
}

}  // namespace

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

bool holds_transport_header(const Packet& first) {
  const Cursor at(first.data() + first.l4, static_cast<std::size_t>(first.end - first.l4));
  if (first.protocol == protocol::kUdp) return at.left() >= sizeof(UdpHeader);
  if (first.protocol != protocol::kTcp) return true;
  const auto* tcp = at.peek<TcpHeader>();
  return tcp != nullptr && tcp->header_length() <= at.left();
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

Pieces::Fit Pieces::add(const Packet& fragment) {
  const FragmentPosition position = fragment_position(fragment);
  const Piece piece{fragment.frame, position.offset,
                    static_cast<std::uint16_t>(fragment.end - fragment.l4), fragment.l4};
  std::size_t place = 0;
  while (place < count_ && pieces_[place].offset < piece.offset) ++place;
  if (place < count_) {
    const Piece& next = pieces_[place];
    const bool last = end_ != 0 && next.stop() == end_;
    if (next.offset == piece.offset && next.length == piece.length &&
        last != position.more_follow &&
        std::memcmp(bytes_of(next), bytes_of(piece), piece.length) == 0)
      return Fit::duplicate;
    if (piece.stop() > next.offset) return Fit::overlap;
  }
  if (place != 0 && pieces_[place - 1].stop() > piece.offset) return Fit::overlap;
  // Where the datagram ends is said once, and nothing lies behind.
  if (end_ != 0 && (!position.more_follow || piece.stop() > end_)) return Fit::overlap;
  if (!position.more_follow && place != count_) return Fit::overlap;
  if (count_ == kMost) return Fit::too_many;

  std::copy_backward(pieces_.begin() + place, pieces_.begin() + count_,
                     pieces_.begin() + count_ + 1);
  pieces_[place] = piece;
  ++count_;
  sum_ = static_cast<std::uint16_t>(sum_ + piece.length);
  largest_ = std::max(largest_, static_cast<std::uint16_t>(fragment.end - fragment.l3));
  if (!position.more_follow) end_ = static_cast<std::uint16_t>(piece.stop());
  return end_ != 0 && sum_ == end_ ? Fit::complete : Fit::added;
}

bool join(const Pieces& pieces, Family family, rte_mbuf* whole) {
  const Pieces::Piece& first = pieces[0];
  const bool v4 = family == Family::v4;
  const std::size_t head = first.at - (v4 ? 0 : sizeof(Ipv6FragmentHeader));
  const std::size_t size = head + pieces.length();
  if (size > whole->buf_len) return false;
  static_assert(sizeof whole->buf_len == sizeof Packet::end);
  whole->data_off = 0;
  whole->data_len = static_cast<std::uint16_t>(size);
  whole->pkt_len = whole->data_len;
  auto* to = rte_pktmbuf_mtod(whole, std::uint8_t*);
  std::memcpy(to, rte_pktmbuf_mtod(first.frame, const std::uint8_t*), head);
  for (std::size_t i = 0; i < pieces.count(); ++i)
    std::memcpy(to + head + pieces[i].offset, bytes_of(pieces[i]), pieces[i].length);
  if (v4) {
    auto& ip = *reinterpret_cast<Ipv4Header*>(to + head - sizeof(Ipv4Header));
    ip.total_length = be16(static_cast<std::uint16_t>(sizeof ip + pieces.length()));
    ip.fragment = be16(static_cast<std::uint16_t>(ip.fragment.host() & kIpv4DontFragment));
    sum_header(ip);
  } else {
    auto& ip = *reinterpret_cast<Ipv6Header*>(to + head - sizeof(Ipv6Header));
    ip.payload_length = be16(pieces.length());
    ip.next_header = bytes_of(first)[-static_cast<std::ptrdiff_t>(sizeof(Ipv6FragmentHeader))];
  }
  poison_frame(whole);
  return true;
}

std::size_t split(const Packet& whole, const Pieces& pieces, std::uint32_t id) {
  const auto upper = static_cast<std::uint16_t>(whole.end - whole.l4);
  const unsigned total = whole.end - unsigned{whole.l3};
  if (total <= std::max(pieces.largest(), least_whole(whole)))
    return write(whole, {0, upper, false, true}, id, pieces[0].frame) ? 1 : 0;
  const std::size_t head = whole.family == Family::v4
                               ? sizeof(Ipv4Header)
                               : sizeof(Ipv6Header) + sizeof(Ipv6FragmentHeader);
  // The last may be longer than a multiple of 8, as the last that came may have been: so there are
  // never more than came.
  const auto most = static_cast<std::uint16_t>(pieces.largest() - head);
  const auto unit = static_cast<std::uint16_t>(most & ~7U);
  std::size_t used = 0;
  for (std::uint16_t offset = 0; offset < upper;) {
    const auto left = static_cast<std::uint16_t>(upper - offset);
    const bool more = left > most;
    const Cut cut{offset, more ? unit : left, more, false};
    if (unit == 0 || used == pieces.count() || !write(whole, cut, id, pieces[used].frame)) return 0;
    ++used;
    offset = static_cast<std::uint16_t>(offset + cut.length);
  }
  return used;
}

}  // namespace mitibox
