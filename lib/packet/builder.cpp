// SPDX-License-Identifier: BSD-3-Clause
#include "packet/builder.hpp"

#include <array>
#include <cstring>

#include "packet/checksum.hpp"

namespace mitibox {

namespace {

constexpr std::uint16_t kQuotedUpper = 8;

bool genuine_v6(const std::array<std::uint8_t, 16>& a) {
  if (a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0U) == 0x80U)) return false;
  const Address address(a);
  // Unspecified, loopback, and the IPv4-compatible rest of ::/96 (RFC 4291 2.5.5.1); mapped.
  if (address.is_v4()) return false;
  std::uint32_t third = 0;
  std::memcpy(&third, &a[8], 4);
  return address.high() != 0 || third != 0;
}

/// Writes a header word by word and sums it on the way: what was written in small pieces is slow to
/// read back.
class WordWriter {
 public:
  explicit WordWriter(std::uint8_t* start) : start_(start), at_(start) {}

  void put(be32 word) {
    const std::uint32_t raw = word.raw();
    std::memcpy(at_, &raw, sizeof raw);
    at_ += sizeof raw;
    sum_ += raw;
  }
  void put_address(const std::array<std::uint8_t, 16>& address) {
    for (std::size_t i = 0; i < address.size(); i += 4) {
      std::uint32_t raw = 0;
      std::memcpy(&raw, &address[i], sizeof raw);
      put(be32::from_raw(raw));
    }
  }
  /// The checksum, which the sum does not include.
  void patch(std::size_t offset, be16 value) {
    const std::uint16_t raw = value.raw();
    std::memcpy(start_ + offset, &raw, sizeof raw);
  }
  /// For fold() and checksum_of().
  [[nodiscard]] std::uint64_t sum() const { return sum_; }

 private:
  std::uint8_t* start_;
  std::uint8_t* at_;
  std::uint64_t sum_ = 0;
};

/// The fixed header and its options; without the checksum.
inline __attribute__((always_inline)) WordWriter write_tcp(std::uint8_t* at, const Packet& probe,
                                                           const TcpFields& fields) {
  const auto header = static_cast<std::uint32_t>(sizeof(TcpHeader) + fields.options.size_bytes());
  WordWriter out(at);
  const std::uint32_t from = fields.onward ? probe.source_port : probe.destination_port;
  const std::uint32_t to = fields.onward ? probe.destination_port : probe.source_port;
  out.put(be32(from << 16U | to));
  out.put(be32(fields.sequence));
  out.put(be32(fields.acknowledgement));
  out.put(be32(header / 4 << 28U | std::uint32_t{fields.flags} << 16U | fields.window));
  out.put(be32());
  for (const std::uint32_t word : fields.options) out.put(be32::from_raw(word));
  return out;
}

be16 icmp_checksum(const std::uint8_t* at, std::uint16_t length, std::uint64_t pseudo) {
  return checksum_of(sum_bytes(at, length) + pseudo);
}

}  // namespace

bool detail::may_answer_v6(const Packet& probe) {
  const Ipv6Header& ip = probe.ipv6();
  return genuine_v6(ip.source) && genuine_v6(ip.destination) && ip.source != ip.destination;
}

Builder::Draft Builder::start(const Packet& probe, const IpFields& fields, Upper upper,
                              rte_mbuf* taken) const {
  const bool v4 = probe.family == Family::v4;
  const std::size_t ip_header = v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  const std::size_t total = probe.l3 + ip_header + upper.length;
  rte_mbuf* frame = taken != nullptr ? taken : rte_pktmbuf_alloc(pool_);
  if (frame == nullptr) return {};
  if (total > rte_pktmbuf_tailroom(frame)) {
    rte_pktmbuf_free(frame);
    return {};
  }
  auto* at = rte_pktmbuf_mtod(frame, std::uint8_t*);
  frame->pkt_len = frame->data_len = static_cast<std::uint16_t>(total);

  // Tags and type come along verbatim.
  const EtherHeader& asked = probe.ether();
  std::memcpy(at, upper.onward ? &asked.destination : &asked.source, sizeof(Mac));
  std::memcpy(at + sizeof(Mac), upper.onward ? &asked.source : &asked.destination, sizeof(Mac));
  if (probe.l3 == sizeof(EtherHeader)) [[likely]]
    std::memcpy(at + 2 * sizeof(Mac), &asked.type, sizeof asked.type);
  else
    std::memcpy(at + 2 * sizeof(Mac), probe.data() + 2 * sizeof(Mac), probe.l3 - 2 * sizeof(Mac));

  WordWriter out(at + probe.l3);
  Draft draft{frame, at + probe.l3 + ip_header, upper.length, 0};
  if (v4) {
    out.put(be32(0x45000000U | static_cast<std::uint32_t>(ip_header + upper.length)));
    out.put(
        be32(std::uint32_t{fields.id} << 16U | (fields.dont_fragment ? kIpv4DontFragment : 0U)));
    out.put(be32(std::uint32_t{fields.ttl} << 24U | std::uint32_t{upper.protocol} << 16U));
    const std::uint64_t head = out.sum();
    const Ipv4Header& ip = probe.ipv4();
    out.put(upper.onward ? ip.source : ip.destination);
    out.put(upper.onward ? ip.destination : ip.source);
    out.patch(10, checksum_of(out.sum()));
    draft.pseudo_sum = out.sum() - head;
  } else {
    out.put(be32(0x60000000U | (fields.flow_label & 0xfffffU)));
    out.put(be32(std::uint32_t{upper.length} << 16U | std::uint32_t{upper.protocol} << 8U |
                 fields.ttl));
    const std::uint64_t head = out.sum();
    const Ipv6Header& ip = probe.ipv6();
    out.put_address(upper.onward ? ip.source : ip.destination);
    out.put_address(upper.onward ? ip.destination : ip.source);
    draft.pseudo_sum = out.sum() - head;
  }
  draft.pseudo_sum += be32(upper.protocol).raw() + std::uint64_t{be32(upper.length).raw()};
  return draft;
}

rte_mbuf* Builder::tcp(const Packet& probe, const IpFields& ip, const TcpFields& fields,
                       rte_mbuf* taken) const {
  const auto header = static_cast<std::uint16_t>(sizeof(TcpHeader) + fields.options.size_bytes());
  const Draft draft = start(probe, ip, {protocol::kTcp, header, fields.onward}, taken);
  if (draft.frame == nullptr) return nullptr;
  WordWriter out = write_tcp(draft.upper, probe, fields);
  out.patch(16, checksum_of(out.sum() + draft.pseudo_sum));
  return draft.frame;
}

rte_mbuf* Builder::data(const Packet& probe, const IpFields& ip, const TcpFields& fields,
                        std::span<const std::uint8_t> payload) const {
  const std::size_t header = sizeof(TcpHeader) + fields.options.size_bytes();
  const auto length = static_cast<std::uint16_t>(header + payload.size());
  const Draft draft = start(probe, ip, {protocol::kTcp, length, fields.onward});
  if (draft.frame == nullptr) return nullptr;
  WordWriter out = write_tcp(draft.upper, probe, fields);
  std::memcpy(draft.upper + header, payload.data(), payload.size());
  out.patch(16, checksum_of(out.sum() + draft.pseudo_sum +
                            sum_bytes(draft.upper + header, payload.size())));
  return draft.frame;
}

rte_mbuf* Builder::echo_reply(const Packet& request, const IpFields& ip) const {
  const bool v4 = request.family == Family::v4;
  const auto length = static_cast<std::uint16_t>(request.end - request.l4);
  const Draft draft = start(request, ip, {v4 ? protocol::kIcmp : protocol::kIcmpv6, length});
  if (draft.frame == nullptr) return nullptr;
  std::memcpy(draft.upper, request.data() + request.l4, length);
  auto& icmp = *reinterpret_cast<IcmpHeader*>(draft.upper);
  icmp.type = v4 ? icmp4::kEchoReply : icmp6::kEchoReply;
  icmp.code = 0;
  icmp.checksum = {};
  icmp.checksum = icmp_checksum(draft.upper, length, v4 ? 0 : draft.pseudo_sum);
  return draft.frame;
}

std::uint16_t Builder::unreachable_length(const Packet& probe) {
  const std::size_t ip_header =
      probe.family == Family::v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  const int quote = probe.l4 - probe.l3 + kQuotedUpper;
  return static_cast<std::uint16_t>(ip_header + sizeof(IcmpHeader) +
                                    static_cast<std::size_t>(quote));
}

rte_mbuf* Builder::port_unreachable(const Packet& probe, const IpFields& ip) const {
  const bool v4 = probe.family == Family::v4;
  const auto quote = static_cast<std::uint16_t>(probe.l4 - probe.l3 + kQuotedUpper);
  const auto length = static_cast<std::uint16_t>(sizeof(IcmpHeader) + quote);
  if (probe.l3 + quote > probe.end) return nullptr;
  const Draft draft = start(probe, ip, {v4 ? protocol::kIcmp : protocol::kIcmpv6, length});
  if (draft.frame == nullptr) return nullptr;
  auto& icmp = *reinterpret_cast<IcmpHeader*>(draft.upper);
  icmp = IcmpHeader{.type = v4 ? icmp4::kUnreachable : icmp6::kUnreachable,
                    .code = v4 ? icmp4::kCodePort : icmp6::kCodePort,
                    .checksum = {},
                    .id = {},
                    .sequence = {}};
  std::memcpy(draft.upper + sizeof icmp, probe.data() + probe.l3, quote);
  icmp.checksum = icmp_checksum(draft.upper, length, v4 ? 0 : draft.pseudo_sum);
  return draft.frame;
}

}  // namespace mitibox
