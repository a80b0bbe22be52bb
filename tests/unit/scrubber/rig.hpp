// SPDX-License-Identifier: BSD-3-Clause
/// A Scrubber, and frames of every kind to put through it.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "../packet/craft.hpp"
#include "packet/parse.hpp"
#include "scrubber/scrubber.hpp"

namespace mitibox {

inline std::ostream& operator<<(std::ostream& out, Reason r) {
  return out << row(r).name;
}

}  // namespace mitibox

namespace mitibox::test {

inline Policy scrubber_policy() {
  Policy policy;
  for (const char* prefix : {"203.0.113.0/24", "192.0.2.64/30", "192.0.2.70/31", "2001:db8:1::/64"})
    policy.protected_prefixes.push_back(parse_prefix(prefix).value());
  return policy;
}

/// What became of a frame. The mbuf is gone; `packet` keeps the fields.
struct Scrubbed {
  Packet packet;
  Bytes bytes;
  std::optional<Reason> why;  ///< nothing: it was not dropped

  [[nodiscard]] std::uint32_t u8(std::size_t at) const { return bytes.at(at); }
  [[nodiscard]] std::uint32_t u16(std::size_t at) const { return u8(at) << 8U | u8(at + 1); }
  /// Whether lengths and checksums are right as they stand now.
  [[nodiscard]] bool sound() const {
    rte_mbuf* m = rte_pktmbuf_alloc(probe_pool());
    std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(bytes.size())), bytes.data(),
                bytes.size());
    return Seen(m).sound();
  }
};

struct ScrubberBench {
  explicit ScrubberBench(const Policy& policy = scrubber_policy()) : scrubber(policy) {}

  Scrubbed run(const Craft& craft, Side from = Side::outside) {
    Scrubbed o;
    Packet& p = o.packet;
    p.frame = craft.frame();
    p.from = from;
    p.klass = from == Side::outside ? Class::inbound : Class::outbound;
    if (const auto why = parse_frame(p))
      p.drop(*why);
    else
      scrubber.scrub(p);
    if (p.verdict == Verdict::drop) o.why = p.reason;
    const std::uint8_t* data = p.data();
    o.bytes.assign(data, data + p.frame->data_len);
    release(p.frame);
    p.frame = nullptr;
    return o;
  }

  Scrubber scrubber;
};

/// One way to keep or to break a rule.
struct ScrubberCase {
  const char* what;
  std::function<void(Craft&)> edit;
  std::optional<Reason> why;  ///< nothing: it keeps the rule
};

/// Every case from `from`, each on a frame of its own.
inline void check_cases(const Probe& probe, Side from, const std::vector<ScrubberCase>& cases,
                        const Policy& policy = scrubber_policy()) {
  ScrubberBench bench(policy);
  for (const ScrubberCase& c : cases) {
    Craft craft(probe);
    c.edit(craft);
    CAPTURE(c.what, from == Side::outside ? "inbound" : "outbound", probe.source);
    const Scrubbed o = bench.run(craft, from);
    CHECK(o.why == c.why);
    if (!c.why) CHECK(o.packet.verdict == Verdict::pending);
  }
}

inline Probe probe_of(bool v6, Side from, std::uint8_t protocol, std::size_t payload = 0) {
  Probe p = probe_between(v6, from);
  p.protocol = protocol;
  p.payload.assign(payload, 0x5a);
  return p;
}
inline std::uint8_t icmp_of(bool v6) {
  return v6 ? protocol::kIcmpv6 : protocol::kIcmp;
}
inline std::string name_of(Side side) {
  return side == Side::outside ? "outside" : "inside";
}

}  // namespace mitibox::test
