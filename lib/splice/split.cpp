// SPDX-License-Identifier: BSD-3-Clause
#include "splice/split.hpp"

#include <algorithm>
#include <cstring>

#include "packet/checksum.hpp"

namespace mitibox {

namespace {

std::size_t shares(std::size_t whole, std::size_t part) {
  return (whole + part - 1) / part;
}

}  // namespace

Splitter::Splitter(const Secrets& secrets, rte_mempool* pool)
    : builder_(pool), persona_(secrets.pieces) {}

std::span<rte_mbuf*> Splitter::split(const Packet& segment, Pieces& pieces) {
  const std::size_t payload = segment.payload_length();
  // The MSS counts options that a segment has (RFC 6691).
  const int most = segment.host_mss - (segment.payload - segment.l4 - kHeader);
  const std::size_t length =
      std::max(static_cast<std::size_t>(std::max(most, 1)), shares(payload, kMost));
  const std::span<rte_mbuf*> taken(pieces.data(), shares(payload, length));
  if (taken.empty() || !builder_.take(taken)) return {};
  if (segment.payload + length > rte_pktmbuf_tailroom(taken[0])) {
    rte_pktmbuf_free_bulk(taken.data(), static_cast<unsigned>(taken.size()));
    return {};
  }
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const std::size_t offset = i * length;
    write(taken[i], segment, {offset, std::min(length, payload - offset), i + 1 == taken.size()});
  }
  return taken;
}

void Splitter::write(rte_mbuf* piece, const Packet& segment, const Part& part) {
  Packet p = segment;
  p.bytes = rte_pktmbuf_mtod(piece, std::uint8_t*);
  p.end = static_cast<std::uint16_t>(p.payload + part.length);
  piece->pkt_len = piece->data_len = p.end;
  std::memcpy(p.bytes, segment.data(), p.payload);
  std::memcpy(p.bytes + p.payload, segment.data() + p.payload + part.offset, part.length);

  const std::size_t upper = static_cast<std::size_t>(p.end - p.l4);
  TcpHeader& tcp = p.tcp();
  tcp.sequence = be32(tcp.sequence.host() + static_cast<std::uint32_t>(part.offset));
  if (!part.last) tcp.flags = static_cast<std::uint8_t>(tcp.flags & ~(tcp::kFin | tcp::kPsh));
  if (part.offset != 0) tcp.flags = static_cast<std::uint8_t>(tcp.flags & ~tcp::kCwr);
  tcp.checksum = {};
  std::uint64_t pseudo = 0;
  if (p.family == Family::v4) {
    Ipv4Header& ip = p.ipv4();
    ip.total_length = be16(static_cast<std::uint16_t>(p.end - p.l3));
    if (part.offset != 0) ip.id = be16(persona_.tcp(p).id);
    ip.checksum = {};
    ip.checksum = checksum_of(sum_bytes(p.data() + p.l3, sizeof ip));
    pseudo = pseudo_sum(ip, p.protocol, static_cast<std::uint32_t>(upper));
  } else {
    Ipv6Header& ip = p.ipv6();
    ip.payload_length = be16(static_cast<std::uint16_t>(p.end - p.l3 - sizeof ip));
    pseudo = pseudo_sum(ip, p.protocol, static_cast<std::uint32_t>(upper));
  }
  tcp.checksum = checksum_of(pseudo + sum_bytes(p.data() + p.l4, upper));
}

}  // namespace mitibox
