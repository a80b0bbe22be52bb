// SPDX-License-Identifier: BSD-3-Clause
#include "micro.hpp"

#include "base/eal.hpp"
#include "packet/parse.hpp"
#include "scrubber/scrubber.hpp"

namespace mitibox::bench {

rte_mempool* pool() {
  static rte_mempool* const made = make_pool("micro", 32767, 512, SOCKET_ID_ANY);
  return made;
}

rte_mbuf* frame_of(const Flow& flow, const Segment& segment) {
  std::array<std::uint8_t, 1518> bytes;
  const auto length = static_cast<std::uint16_t>(write_frame(flow, segment, bytes.data()));
  rte_mbuf* const frame = rte_pktmbuf_alloc(pool());
  REQUIRE(frame != nullptr);
  char* const at = rte_pktmbuf_append(frame, length);
  REQUIRE(at != nullptr);
  std::memcpy(at, bytes.data(), length);
  return frame;
}

Packet packet_of(const Flow& flow, const Segment& segment) {
  static const Scrubber scrubber(plain_policy());
  Packet p;
  p.frame = frame_of(flow, segment);
  p.from = segment.from;
  REQUIRE_FALSE(parse_frame(p).has_value());
  p.klass = p.from == Side::outside ? Class::inbound : Class::outbound;
  scrubber.scrub(p);
  REQUIRE(p.verdict == Verdict::pending);
  set_flow_key(p, p.from);
  return p;
}

std::vector<Packet> syns(std::size_t count, Family family) {
  static std::uint64_t number = 0;
  std::vector<Packet> made;
  for (const std::uint64_t end = number + count; number < end; ++number) {
    const Flow f = flow(number, family, protocol::kTcp);
    made.push_back(packet_of(f, opening(f)[0]));
  }
  return made;
}

Bursts::Bursts(const std::vector<Packet>& packets) : bursts_(packets.size() / kBurst) {
  for (std::size_t b = 0; b < bursts_.size(); ++b)
    for (std::size_t i = 0; i < kBurst; ++i) bursts_[b][i] = &packets[b * kBurst + i];
}

Policy plain_policy() {
  Policy p;
  p.admission = Policy::Admission::forward;
  p.trust.evidence = Policy::Evidence::weighted;
  p.protected_prefixes = {parse_prefix("203.0.113.0/24").value(),
                          parse_prefix("2001:db8:1::/64").value()};
  return p;
}

}  // namespace mitibox::bench
