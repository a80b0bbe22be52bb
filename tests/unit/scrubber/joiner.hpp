// SPDX-License-Identifier: BSD-3-Clause
/// Datagrams in pieces, and a Scrubber with the table that joins them.
#pragma once

#include <memory>

#include "base/poison.hpp"
#include "rig.hpp"
#include "scrubber/reassembly.hpp"

namespace mitibox::test {

inline Now at_ms(std::int64_t ms) {
  return Now(std::chrono::milliseconds(ms));
}

/// The bytes [begin, end) behind the IP header of a sound datagram, as a fragment of it; the last
/// one if it ends where the datagram does.
inline Craft part_of(const Craft& whole, std::size_t begin, std::size_t end, std::uint32_t id = 7) {
  Craft c(whole);
  const auto at = [&](std::size_t offset) {
    return c.bytes.begin() + static_cast<std::ptrdiff_t>(c.l4 + offset);
  };
  const bool more = c.l4 + end < c.bytes.size();
  c.bytes.erase(at(end), c.bytes.end());
  c.bytes.erase(at(0), at(begin));
  return c.fragment({id, static_cast<unsigned>(begin), more});
}

/// The whole datagram, in fragments of `step` bytes and a rest.
inline std::vector<Craft> cut(const Craft& whole, std::size_t step, std::uint32_t id = 7) {
  std::vector<Craft> parts;
  const std::size_t length = whole.bytes.size() - whole.l4;
  for (std::size_t at = 0; at < length; at += step)
    parts.push_back(part_of(whole, at, std::min(at + step, length), id));
  return parts;
}

/// A datagram whose bytes are all different enough to show a mistake in their order.
inline Craft datagram(bool v6, Side from, std::uint8_t protocol, std::size_t payload) {
  Probe probe = probe_of(v6, from, protocol);
  probe.flags = tcp::kAck;
  Craft c(probe);
  for (std::size_t i = 0; i < payload; ++i)
    c.bytes.push_back(static_cast<std::uint8_t>(i * 7 + i / 256));
  if (c.v4) c.put16(c.l3 + 6, 0);  // fragments rarely forbid being fragmented
  if (protocol == protocol::kUdp) c.put16(c.l4 + 4, static_cast<unsigned>(8 + payload));
  c.fit();
  return protocol == protocol::kTcp || protocol == protocol::kUdp ? c.sum_upper(protocol) : c;
}

/// What became of a fragment, or of the datagram that it completed.
struct Joined {
  std::optional<Reason> why;  ///< of its drop
  bool held = false;
  std::optional<Bytes> whole;  ///< after scrubbing
  Packet packet;               ///< of the whole; its mbuf is gone
  std::vector<Bytes> left;     ///< frames in which it left
};

struct Joiner {
  explicit Joiner(FragmentTable::Limits limits = {64, 256})
      : reassembly(std::make_unique<Reassembly>(scrubber_policy(), Secrets::derive({3, 4}),
                                                Reassembly::Config{next_name(), limits},
                                                counters)) {}
  ~Joiner() {
    reassembly->finish();
    CHECK(counters.held.get() == 0);
    CHECK(rte_mempool_avail_count(probe_pool()) == before);
  }
  Joiner(const Joiner&) = delete;
  Joiner& operator=(const Joiner&) = delete;

  Joined send(const Craft& craft, Side from, Now now = at_ms(10'000),
              rte_mempool* pool = probe_pool()) {
    Joined o;
    Packet& p = o.packet;
    p.frame = craft.frame(pool);
    poison_frame(p.frame);
    p.from = from;
    p.klass = from == Side::outside ? Class::inbound : Class::outbound;
    REQUIRE_FALSE(parse_frame(p));
    scrubber.scrub(p);
    if (p.verdict == Verdict::gather && reassembly->gather(p, now)) {
      CHECK(p.from == from);
      CHECK(p.klass == (from == Side::outside ? Class::inbound : Class::outbound));
      CHECK(p.fragment == Fragment::none);
      if (p.verdict == Verdict::pending) {
        scrubber.scrub(p);
        o.whole = Bytes(p.data(), p.data() + p.frame->data_len);
      }
      if (p.verdict == Verdict::drop) o.why = p.reason;
      if (p.verdict == Verdict::pending && fate) fate(p);
      reassembly->end(p, now, [&](rte_mbuf* m) {
        unpoison_frame(m);
        const auto* at = rte_pktmbuf_mtod(m, const std::uint8_t*);
        o.left.emplace_back(at, at + m->data_len);
        release(m);
      });
      return o;
    }
    o.held = p.verdict == Verdict::gather;
    if (p.verdict == Verdict::drop) {
      o.why = p.reason;
      release(p.frame);
    }
    return o;
  }
  [[nodiscard]] std::uint64_t ended(Reason why) const { return counters.ended[index(why)].get(); }

  Counters counters;
  Scrubber scrubber{scrubber_policy()};
  std::unique_ptr<Reassembly> reassembly;
  /// What the rest of the chain makes of a whole datagram.
  std::function<void(Packet&)> fate = [](Packet& p) { p.forward(); };
  unsigned before = rte_mempool_avail_count(probe_pool());

 private:
  static std::string next_name() {
    static unsigned number = 0;
    return "joiner" + std::to_string(number++);
  }
};

}  // namespace mitibox::test
