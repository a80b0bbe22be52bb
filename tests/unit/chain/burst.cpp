// SPDX-License-Identifier: BSD-3-Clause
// What is hashed, looked up and answered for a whole burst at once comes out as packet by packet.
#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <random>

#include "../packet/craft.hpp"
#include "base/poison.hpp"
#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

/// Opening packets of few sources and what is wrong with some of them, each of a flow of its own:
/// nothing here depends on what came of an earlier one but through its source.
class Openings {
 public:
  explicit Openings(unsigned seed) : random_(seed) {}

  Craft next() {
    const bool v6 = below(3) == 0;
    Probe p;
    const std::string host = std::to_string(below(4) == 0 ? 10 : 60 + below(3));
    const std::string source = std::to_string(1 + below(24));
    p.source = v6 ? "2001:db8:ff:" + source + "::7" : "198.51.100." + source;
    p.destination = v6 ? "2001:db8:1::" + host : "203.0.113." + host;
    p.source_port = static_cast<std::uint16_t>(1024 + number_++);
    p.destination_port = below(2) == 0 ? 443 : 22;
    p.sequence = below(1U << 31U);
    p.tags = below(8) == 0 ? 1 : 0;
    switch (below(8)) {
      case 0:
        p.protocol = protocol::kUdp;
        p.destination_port = 53;
        p.payload.assign(below(200), 'x');
        break;
      case 1:
        p.protocol = v6 ? protocol::kIcmpv6 : protocol::kIcmp;
        break;
      case 2:
        p.protocol = 47;
        break;
      case 3:
        p.flags = tcp::kAck;
        break;
      default:
        if (below(2) == 0) p.options = {2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 1, 1};
        break;
    }
    Craft c(p);
    if (below(6) == 0) c.put8(c.l3 + below(20), below(256));
    if (below(10) == 0) c.resize(below(60));
    return c;
  }
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

 private:
  std::mt19937 random_;
  unsigned number_ = 0;
};

/// The frames without their IPv4 identifier (and the checksum, which shows it): those that the box
/// makes draw theirs at random, in whatever order they are made.
void append(std::vector<Bytes>& all, const std::vector<Seen>& more) {
  for (const Seen& s : more) {
    all.push_back(s.bytes);
    if (s.v6 || s.bytes.size() < s.l3 + 20) continue;
    for (const std::size_t at : {4U, 5U, 10U, 11U}) all.back()[s.l3 + at] = 0;
  }
}

std::vector<Bytes> bytes_of(const std::vector<Seen>& frames) {
  std::vector<Bytes> all;
  append(all, frames);
  return all;
}

/// Of a connection that the LAN has opened.
Probe segment_of(std::uint16_t number, Side from) {
  const bool inbound = from == Side::outside;
  Probe p;
  p.source = inbound ? "192.0.2.1" : "203.0.113.10";
  p.destination = inbound ? "203.0.113.10" : "192.0.2.1";
  p.source_port = inbound ? 80 : static_cast<std::uint16_t>(1000 + number);
  p.destination_port = inbound ? static_cast<std::uint16_t>(1000 + number) : 80;
  p.sequence = inbound ? 5001 : 1001;
  p.acknowledgement = inbound ? 1001 : 5001;
  p.flags = tcp::kAck;
  return p;
}

void connect(Rig& rig, std::uint16_t number) {
  Probe syn = segment_of(number, Side::inside);
  syn.flags = tcp::kSyn;
  syn.sequence = 1000;
  Probe answer = segment_of(number, Side::outside);
  answer.flags = kSynAck;
  answer.sequence = 5000;
  REQUIRE(rig.send(Side::inside, syn).end == "forward");
  REQUIRE(rig.send(Side::outside, answer).end == "forward");
  REQUIRE(rig.send(Side::inside, segment_of(number, Side::inside)).end == "forward");
}

}  // namespace

TEST_CASE("chain: a burst comes to what its packets come to one by one", "[chain][burst]") {
  const unsigned seed = GENERATE(1U, 2U, 3U, 4U);
  Policy policy = plain_policy();
  policy.probability.drop = seed % 2 == 0 ? 0.3 : 0;
  policy.trust.evidence = seed < 3 ? Policy::Evidence::attempt : Policy::Evidence::weighted;
  policy.reply.udp = seed == 2 ? Policy::UdpReply::unreachable : Policy::UdpReply::silent;
  Rig together(policy);
  Rig alone(policy);
  Openings openings(seed);
  for (int round = 0; round < 60; ++round) {
    std::vector<rte_mbuf*> frames;
    std::vector<Bytes> answers;
    std::vector<Bytes> passed;
    for (std::uint32_t n = openings.below(kBurst) + 1; n > 0; --n) {
      const Craft c = openings.next();
      frames.push_back(c.frame());
      poison_frame(frames.back());
      const Outcome o = alone.send(Side::outside, c.frame());
      append(answers, o.answers);
      append(passed, o.passed);
    }
    together.chain->process(Side::outside, frames, together.now());
    const Outcome o = together.burst(Side::outside, {});
    REQUIRE(bytes_of(o.answers) == answers);
    REQUIRE(bytes_of(o.passed) == passed);
    for (const auto& row : kReasons) {
      CAPTURE(row.name);
      const auto why = static_cast<Reason>(&row - kReasons.data());
      REQUIRE(together.ended(why) == alone.ended(why));
    }
    // Distrust ends, and begins anew.
    const auto span = std::chrono::milliseconds(openings.below(20000));
    together.wait(span);
    alone.wait(span);
  }
  for (const Reason r : {Reason::answered, Reason::tcp_checksum, Reason::ip_protocol,
                         Reason::no_connection, Reason::frame_truncated})
    CHECK(together.ended(r) > 0);
  CHECK((together.ended(Reason::coin) > 0) == (seed % 2 == 0));
  CHECK(together.chain->counters().forwarded[1].get() > 10);
}

TEST_CASE("chain: a burst that opens, resets and opens one tuple in a full table",
          "[chain][burst]") {
  constexpr std::uint16_t kCapacity = 64;
  const std::uint16_t half_open = GENERATE(std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{3});
  Policy policy = plain_policy();
  policy.tables.connections = kCapacity;
  Rig rig(policy);
  const auto settled = static_cast<std::uint16_t>(kCapacity - half_open);
  for (std::uint16_t i = 0; i < settled; ++i) connect(rig, i);
  Probe syn;
  for (std::uint16_t i = 0; i < half_open; ++i) {
    syn.source_port = static_cast<std::uint16_t>(50000 + i);
    REQUIRE(rig.send(Side::outside, syn).end == "forward");
  }
  const ConnectionTable& table = rig.chain->tracker().table(Family::v4);
  REQUIRE(table.size() == kCapacity);

  // SYN, the same SYN, RST and SYN, with segments of the others before, between and behind.
  syn.source_port = 60000;
  Probe reset = syn;
  reset.flags = tcp::kRst;
  reset.sequence = syn.sequence + 1;
  Probe again = syn;
  again.sequence += 99999;
  std::vector<Probe> burst;
  std::uint16_t next = 0;
  for (const Probe& p : {syn, syn, reset, again, reset, syn}) {
    for (int i = 0; i < 4; ++i) burst.push_back(segment_of(next++ % settled, Side::outside));
    burst.push_back(p);
  }
  REQUIRE(burst.size() <= kBurst);
  const Outcome o = rig.burst(Side::outside, burst);
  CHECK(std::count_if(o.passed.begin(), o.passed.end(),
                      [](const Seen& s) { return s.u16(s.l4 + 2) != 443; }) == next);
  CHECK(o.answers.empty());
  CHECK(rig.ended(Reason::connection_table_full) == (half_open == 0 ? 4 : 0));
  CHECK(table.size() == kCapacity);

  // Each of the others is where it was, to the octet.
  for (const Side from : {Side::outside, Side::inside})
    for (std::uint16_t i = 0; i < settled; ++i) {
      CAPTURE(i);
      Probe p = segment_of(i, from);
      CHECK(rig.send(from, p).end == "forward");
      p.sequence += 1U << 20U;
      CHECK(rig.send(from, p).end == "tcp-window");
    }
}

TEST_CASE("The coin of a SYN depends on its flow, in a burst as alone") {
  Policy policy = plain_policy();
  policy.probability.drop = 0.5;
  policy.probability.retransmission = Policy::Retransmission::hold;
  std::uint64_t together = 0;
  std::vector<Probe> probes;
  std::uint64_t alone = 0;
  for (std::uint16_t i = 0; i < kBurst; ++i) {
    Probe syn;  // all of one ISN
    syn.source_port = static_cast<std::uint16_t>(5000 + i);
    probes.push_back(syn);
    Rig rig(policy);
    rig.send(Side::outside, syn);
    alone += rig.ended(Reason::coin) << i;
  }
  for (std::uint16_t i = 0; i < kBurst; ++i) {
    Rig rig(policy);
    rig.burst(Side::outside, {probes.begin(), probes.begin() + i + 1});
    together = rig.ended(Reason::coin);
    CHECK(together == static_cast<std::uint64_t>(std::popcount(alone & ((2ULL << i) - 1))));
  }
  CHECK(std::popcount(alone) > 6);
  CHECK(std::popcount(alone) < 26);
}
