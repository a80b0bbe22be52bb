// SPDX-License-Identifier: BSD-3-Clause
// N-OUT-7: what the box acknowledges selectively for hosts that cannot.
#include "splice/sack.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <utility>

#include "../packet/probe_frames.hpp"
#include "base/time.hpp"
#include "packet/parse.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

using Blocks = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
constexpr std::uint32_t kFirst = 0xfffffc00;  // wraps soon
constexpr std::uint32_t kMss = 100;

/// A client that numbers its segments, and a host that says what it has got.
struct Pair {
  explicit Pair(bool six = false, std::uint16_t from = 40000) : v6(six), port(from) {}

  Probe probe(bool to_host) const {
    Probe p;
    p.source = v6 ? "2001:db8:ffff::7" : "198.51.100.7";
    p.destination = v6 ? "2001:db8:1::10" : "203.0.113.10";
    p.source_port = port;
    p.destination_port = 443;
    p.flags = tcp::kAck;
    if (to_host) return p;
    std::swap(p.source, p.destination);
    std::swap(p.source_port, p.destination_port);
    return p;
  }
  void place(Packet& p, Side from) const {
    p.from = from;
    set_flow_key(p, from);
    p.hash = hash == 0 ? port * 2654435761U : hash;
  }

  /// The client's segments first..last have left for the host, as one.
  void sent(Sacks& sacks, std::uint32_t first, std::uint32_t last) {
    Probe said = probe(true);
    said.sequence = kFirst + first * kMss;
    said.payload.resize((last - first + 1) * kMss);
    Frame f(said);
    place(f.packet, Side::outside);
    f.packet.sequence = said.sequence;
    f.packet.limited = first > next    ? Limited::ahead
                       : first > acked ? Limited::beyond
                                       : Limited::yes;
    next = std::max(next, last + 1);
    sacks.sent(f.packet, Now(time));
  }
  /// The host's acknowledgement of everything before a segment; the blocks that it leaves with.
  Blocks answers(Sacks& sacks, std::uint32_t before, const Bytes& payload = {}) {
    acked = std::max(acked, before);
    Probe said = probe(false);
    said.acknowledgement = kFirst + before * kMss;
    said.payload = payload;
    Frame f(said);
    place(f.packet, Side::inside);
    f.packet.acknowledgement = said.acknowledgement;
    // As the Scrubber leaves it, without padding.
    f.packet.frame->pkt_len = f.packet.frame->data_len = f.packet.end;
    sacks.write(f.packet);
    CHECK(f.packet.end == f.packet.frame->data_len);
    const Seen seen(std::exchange(f.packet.frame, nullptr));
    CHECK(seen.sound());
    Blocks blocks;
    const Bytes options = seen.part(seen.l4 + 20, seen.l4 + (seen.u8(seen.l4 + 12) >> 4U) * 4U);
    if (options.empty()) return blocks;
    CHECK(options[0] == tcp::kOptionNop);
    CHECK(options[1] == tcp::kOptionNop);
    CHECK(options[2] == tcp::kOptionSack);
    CHECK(options[3] == options.size() - 2);
    for (std::size_t at = seen.l4 + 24; at < seen.l4 + 20 + options.size(); at += 8)
      blocks.emplace_back((seen.u32(at) - kFirst) / kMss, (seen.u32(at + 4) - kFirst) / kMss);
    return blocks;
  }

  bool v6;
  std::uint16_t port;
  std::uint32_t hash = 0;
  std::uint32_t next = 0;   ///< behind the last segment that the client has sent
  std::uint32_t acked = 0;  ///< by the host
  Time time = std::chrono::hours(1);
};

}  // namespace

TEST_CASE("Blocks are what went out of order, the newest first", "[splice][sack]") {
  Sacks sacks("sacks");
  Pair t(GENERATE(false, true));
  t.sent(sacks, 0, 1);
  CHECK(t.answers(sacks, 2).empty());
  t.sent(sacks, 3, 3);
  CHECK(t.answers(sacks, 2) == Blocks{{3, 4}});
  t.sent(sacks, 4, 4);
  CHECK(t.answers(sacks, 2) == Blocks{{3, 5}});
  t.sent(sacks, 6, 6);
  CHECK(t.answers(sacks, 2) == Blocks{{6, 7}, {3, 5}});
  t.sent(sacks, 5, 5);
  CHECK(t.answers(sacks, 2) == Blocks{{3, 7}});
  t.sent(sacks, 8, 8);
  t.sent(sacks, 10, 10);
  t.sent(sacks, 12, 12);
  CHECK(t.answers(sacks, 2) == Blocks{{12, 13}, {10, 11}, {8, 9}});
  t.sent(sacks, 8, 8);
  CHECK(t.answers(sacks, 2) == Blocks{{8, 9}, {12, 13}, {10, 11}});
  t.sent(sacks, 2, 2);
  CHECK(t.answers(sacks, 7) == Blocks{{8, 9}, {12, 13}, {10, 11}});
  t.sent(sacks, 7, 7);
  CHECK(t.answers(sacks, 9) == Blocks{{12, 13}, {10, 11}});
  t.sent(sacks, 9, 9);
  t.sent(sacks, 11, 11);
  CHECK(t.answers(sacks, 13).empty());
  CHECK(sacks.counters().full == 0);
}

TEST_CASE("In order nothing is told, and a host that has reached a block ends it",
          "[splice][sack]") {
  Sacks sacks("sacks");
  Pair t;
  t.sent(sacks, 0, 9);
  CHECK(t.answers(sacks, 4).empty());
  t.sent(sacks, 12, 15);
  SECTION("it has some of it: the rest went in order") {
    t.sent(sacks, 10, 11);
    CHECK(t.answers(sacks, 14).empty());
    t.sent(sacks, 16, 16);
    CHECK(t.answers(sacks, 14).empty());
  }
  SECTION("it asks for its first octet: it has not got it") {
    t.sent(sacks, 10, 11);
    CHECK(t.answers(sacks, 12).empty());
  }
  SECTION("data on its way acknowledges the same") {
    CHECK(t.answers(sacks, 10, {'x'}).empty());
    CHECK(t.answers(sacks, 10) == Blocks{{12, 16}});
  }
}

TEST_CASE("A new connection of a flow knows nothing of the gaps of the one before",
          "[splice][sack]") {
  Sacks sacks("sacks");
  Pair old(GENERATE(false, true));
  old.sent(sacks, 0, 0);
  old.sent(sacks, 2, 3);
  REQUIRE(old.answers(sacks, 1) == Blocks{{2, 4}});
  Frame again(old.probe(false));
  old.place(again.packet, Side::inside);
  sacks.forget(again.packet);
  Pair anew(old.v6);
  CHECK(anew.answers(sacks, 1).empty());
  anew.sent(sacks, 5, 5);
  CHECK(anew.answers(sacks, 1) == Blocks{{5, 6}});
}

TEST_CASE("Connections do not see each other's blocks, and no set takes more than four",
          "[splice][sack]") {
  Sacks sacks("sacks");
  std::vector<Pair> pairs;
  for (std::uint16_t i = 0; i < 5; ++i) {
    pairs.emplace_back(false, static_cast<std::uint16_t>(40000 + i));
    pairs[i].hash = 77;
    pairs[i].sent(sacks, 0, 0);
    pairs[i].sent(sacks, 2U + i, 2U + i);
  }
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(pairs[i].answers(sacks, 1) == Blocks{{2 + i, 3 + i}});
  CHECK(pairs[4].answers(sacks, 1).empty());
  CHECK(sacks.counters().full == 1);
  // One whose gap is over leaves its place, and so does one that says nothing any more.
  const bool over = GENERATE(false, true);
  if (over)
    pairs[2].answers(sacks, 5);
  else
    pairs[4].time += std::chrono::milliseconds(Sacks::kIdle);
  pairs[4].sent(sacks, 8, 8);
  CHECK(pairs[4].answers(sacks, 1) == Blocks{{8, 9}});
}

TEST_CASE("Whatever is lost on the way, no block names what its host has not got",
          "[splice][sack]") {
  std::mt19937 random(GENERATE(1U, 2U, 3U, 4U));
  Sacks sacks("sacks");
  Pair t;
  std::set<std::uint32_t> got;
  std::uint32_t expected = 0;
  std::size_t told = 0;
  for (std::uint32_t step = 0; step < 3000; ++step) {
    // New data, or once more what is missing, or anything: one in five is lost.
    const auto kind = random() % 4;
    std::uint32_t at = t.next;
    if (kind == 1) at = expected;
    if (kind == 2) at = expected + static_cast<std::uint32_t>(random()) % (t.next - expected + 1);
    at = std::min(at, t.next);
    if (random() % 5 == 0 && at == t.next) ++at;
    t.sent(sacks, at, at);
    got.insert(at);
    while (got.count(expected) != 0) ++expected;
    for (const auto& [start, end] : t.answers(sacks, expected)) {
      ++told;
      CHECK(start > expected);
      for (std::uint32_t i = start; i < end; ++i) CHECK(got.count(i) == 1);
    }
  }
  CHECK(told > 1000);
}
