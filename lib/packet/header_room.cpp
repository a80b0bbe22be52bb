// SPDX-License-Identifier: BSD-3-Clause
#include "packet/header_room.hpp"

#include "base/poison.hpp"
#include "packet/checksum.hpp"

namespace mitibox {

bool resize_options(Packet& p, std::size_t options) {
  const std::size_t header = sizeof(TcpHeader) + options;
  const std::size_t end = p.l4 + header;
  if (p.frame->data_off + end > p.frame->buf_len) return false;
  unpoison_frame(p.frame);
  p.payload = p.end = static_cast<std::uint16_t>(end);
  p.frame->pkt_len = p.frame->data_len = p.end;
  p.tcp().offset_reserved = static_cast<std::uint8_t>(header / 4U << 4U);
  if (p.family == Family::v4) {
    Ipv4Header& ip = p.ipv4();
    const be16 total(static_cast<std::uint16_t>(p.end - p.l3));
    ip.checksum = adjust(ip.checksum, ip.total_length, total);
    ip.total_length = total;
  } else {
    p.ipv6().payload_length = be16(static_cast<std::uint16_t>(p.end - p.l3 - sizeof(Ipv6Header)));
  }
  return true;
}

void sum_segment(Packet& p) {
  const auto length = static_cast<std::uint16_t>(p.end - p.l4);
  TcpHeader& tcp = p.tcp();
  tcp.checksum = {};
  const std::uint64_t pseudo = p.family == Family::v4 ? pseudo_sum(p.ipv4(), p.protocol, length)
                                                      : pseudo_sum(p.ipv6(), p.protocol, length);
  tcp.checksum = checksum_of(pseudo + sum_bytes(p.data() + p.l4, length));
}

}  // namespace mitibox
