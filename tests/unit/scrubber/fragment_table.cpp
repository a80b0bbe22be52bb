// SPDX-License-Identifier: BSD-3-Clause
// S-FRAG-1 to 4, S-FRAG-7: what waits, for how long, and what ends it.
#include <algorithm>
#include <map>
#include <random>

#include "joiner.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr std::int64_t kStart = 10'000;

/// A Joiner that sends from one side, in one family.
struct Lane : Joiner {
  Lane(bool ipv6, Side side, FragmentTable::Limits limits = {64, 256})
      : Joiner(limits), v6(ipv6), from(side), whole(datagram(v6, from, protocol::kUdp, 292)) {}

  Joined put(std::size_t begin, std::size_t end, std::int64_t ms = kStart, std::uint32_t id = 7) {
    return send(part_of(whole, begin, end, id), from, at_ms(ms));
  }
  [[nodiscard]] std::uint32_t held() const { return reassembly->table().held(); }

  bool v6;
  Side from;
  Craft whole;  ///< of 300 bytes behind the IP header
};

/// Another source each time.
Craft from_source(const Craft& craft, std::uint32_t number) {
  Craft c(craft);
  if (c.v4) return c.put32(c.l3 + 12, 0x0b000000U + number).sum_ip();
  return c.put32(c.l3 + 8, 0x20010db9U).put32(c.l3 + 12, number);
}

}  // namespace

TEST_CASE("S-FRAG-1: pieces in any order make the datagram", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::uint8_t protocol = GENERATE(as<std::uint8_t>(), 6, 17, 47);
  Joiner joiner;
  Craft whole = datagram(v6, from, protocol, 260);
  std::vector<Craft> parts = cut(whole, 80);
  std::vector<std::size_t> order(parts.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  do {
    CAPTURE(order);
    for (std::size_t i = 0; i + 1 < order.size(); ++i)
      CHECK(joiner.send(parts[order[i]], from).held);
    CHECK(joiner.counters.held.get() == order.size() - 1);
    const Joined o = joiner.send(parts[order.back()], from);
    CHECK(joiner.counters.held.get() == 0);
    REQUIRE_FALSE(o.why);
    REQUIRE(o.whole);
    // But for the identifier the whole is what was cut.
    Bytes expected = whole.bytes;
    if (!v6) expected = Craft(whole).put16(whole.l3 + 4, 7).sum_ip().bytes;
    CHECK(*o.whole == expected);
    CHECK(o.packet.protocol == protocol);
    CHECK(o.packet.end == whole.bytes.size());
    if (protocol == 47) continue;
    const Probe probe = probe_of(v6, from, protocol);
    CHECK(o.packet.source_port == probe.source_port);
    CHECK(o.packet.destination_port == probe.destination_port);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("S-FRAG-1: what is not of the same datagram does not join", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Lane lane(v6, from);
  struct Row {
    const char* what;
    std::function<void(Craft&)> edit;
  };
  const auto address = [](std::size_t at4, std::size_t at6) {
    return [=](Craft& c) {
      const std::size_t at = c.l3 + (c.v4 ? at4 : at6);
      c.put8(at, c.bytes.at(at) ^ 1U).sum_ip();
    };
  };
  const Row row = GENERATE_COPY(
      Row{"identifier",
          [](Craft& c) { c.v4 ? c.put16(c.l3 + 4, 8).sum_ip() : c.put32(c.l3 + 44, 8); }},
      Row{"high half of the identifier",
          [](Craft& c) { c.v4 ? c.put16(c.l3 + 4, 0x107).sum_ip() : c.put32(c.l3 + 44, 0x10007); }},
      Row{"source", address(15, 23)}, Row{"destination", address(19, 39)},
      Row{"protocol, of IPv4", [](Craft& c) { c.put8(c.l3 + 9, 6).sum_ip(); }});
  if (v6 && row.what[0] == 'p') return;
  CAPTURE(v6, row.what);
  REQUIRE(lane.put(0, 160).held);
  Craft stranger = part_of(lane.whole, 160, 300);
  row.edit(stranger);
  CHECK(lane.send(stranger, from, at_ms(kStart)).held);
  CHECK(lane.put(160, 300).whole);
  CHECK(lane.held() == 1);
}

TEST_CASE("S-FRAG-1: IPv6 asks the first fragment alone what it carries", "[scrubber][fragment]") {
  Lane lane(true, Side::outside);
  REQUIRE(lane.put(0, 160).held);
  Craft last = part_of(lane.whole, 160, 300);
  const Joined o = lane.send(last.put8(last.l3 + 40, 47), Side::outside, at_ms(kStart));
  REQUIRE(o.whole);
  CHECK(*o.whole == lane.whole.bytes);
}

TEST_CASE("S-FRAG-1: the two sides have nothing to do with each other", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  Lane lane(v6, Side::outside);
  REQUIRE(lane.put(0, 160).held);
  lane.from = Side::inside;  // the same addresses, which hairpin would not let through
  CHECK(lane.put(160, 300).held);
  lane.from = Side::outside;
  CHECK(lane.put(160, 300).whole);
}

TEST_CASE("S-FRAG-2: an exact duplicate ends alone", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Lane lane(v6, from);
  CHECK(lane.put(160, 300).held);
  CHECK(lane.put(160, 300).why == Reason::fragment_duplicate);
  CHECK(lane.put(0, 80).held);
  CHECK(lane.put(0, 80).why == Reason::fragment_duplicate);
  CHECK(lane.put(160, 300).why == Reason::fragment_duplicate);
  const Joined o = lane.put(80, 160);
  REQUIRE(o.whole);
  CHECK_FALSE(o.why);
  // What comes behind the whole opens another datagram of that identifier.
  CHECK(lane.put(0, 80).held);
}

TEST_CASE("S-FRAG-2: overlap of any kind ends the datagram and bars its identifier",
          "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  struct Row {
    const char* what;
    std::size_t begin, end;
    int edit;  ///< 1: another content; 2: says that more follow, or none
  };
  // Beside [80, 160) and [240, 300), the last.
  const Row row = GENERATE(
      Row{"over the begin", 72, 88, 0}, Row{"over the end", 152, 168, 0}, Row{"within", 88, 96, 0},
      Row{"from the begin", 80, 88, 0}, Row{"to the end", 88, 160, 0}, Row{"around", 72, 168, 0},
      Row{"longer from the begin", 80, 168, 0}, Row{"over the last", 232, 248, 0},
      Row{"to the end of the datagram", 160, 300, 0}, Row{"within the last", 248, 300, 0},
      Row{"another content", 80, 160, 1}, Row{"another end, shorter", 160, 168, 2},
      Row{"the same, as the last", 80, 160, 2}, Row{"another content of the last", 240, 300, 1});
  CAPTURE(v6, row.what);
  Lane lane(v6, from);
  REQUIRE(lane.put(80, 160).held);
  REQUIRE(lane.put(240, 300).held);
  REQUIRE(lane.put(0, 80, kStart, 8).held);  // of another datagram
  Craft c = part_of(lane.whole, row.begin, row.end);
  if (row.edit == 1) c.put8(c.bytes.size() - 1, c.bytes.back() ^ 1U);
  if (row.edit == 2) {
    if (c.v4)
      c.put8(c.l3 + 6, c.bytes.at(c.l3 + 6) ^ 0x20U).sum_ip();
    else
      c.put8(c.l3 + 43, c.bytes.at(c.l3 + 43) ^ 1U);
  }
  CHECK(lane.send(c, from, at_ms(kStart)).why == Reason::fragment_overlap);
  CHECK(lane.ended(Reason::fragment_overlap) == 2);  // those that waited
  CHECK(lane.held() == 1);
  // Nothing of it passes any more, in whatever order.
  for (const std::int64_t ms : {kStart, kStart + 2000}) {
    CHECK(lane.put(0, 80, ms).why == Reason::fragment_overlap);
    CHECK(lane.put(80, 300, ms).why == Reason::fragment_overlap);
  }
  CHECK(lane.put(80, 300, kStart, 8).whole);
  CHECK(lane.put(0, 80, kStart + 2001).held);
  CHECK(lane.put(80, 300, kStart + 2001).whole);
}

TEST_CASE("S-FRAG-2: nothing lies behind the end", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const bool last_first = GENERATE(true, false);
  Lane lane(v6, Side::outside);
  Craft early = part_of(lane.whole, 80, 160);
  if (early.v4)
    early.put8(early.l3 + 6, 0).sum_ip();
  else
    early.put8(early.l3 + 43, 80);
  const Craft behind = part_of(lane.whole, 160, 240);
  CHECK(lane.send(last_first ? early : behind, Side::outside).held);
  CHECK(lane.send(last_first ? behind : early, Side::outside).why == Reason::fragment_overlap);
}

TEST_CASE("S-FRAG-3: eight fragments, and no ninth", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Lane lane(v6, from);
  const auto eight = cut(lane.whole, 40);  // seven of 40 bytes and one of 20
  REQUIRE(eight.size() == 8);
  for (std::size_t i = 0; i < 7; ++i) CHECK(lane.send(eight[i], from).held);
  CHECK(lane.send(eight[6], from).why == Reason::fragment_duplicate);
  CHECK(lane.send(eight[7], from).whole);

  const auto more = cut(lane.whole, 32);
  REQUIRE(more.size() == 10);
  for (std::size_t i = 0; i < 8; ++i) CHECK(lane.send(more[i], from).held);
  CHECK(lane.send(more[8], from).why == Reason::fragment_count);
  CHECK(lane.ended(Reason::fragment_count) == 8);
  CHECK(lane.held() == 0);
  CHECK(lane.send(more[9], from).why == Reason::fragment_count);
}

TEST_CASE("S-FRAG-3, S-FRAG-7: two seconds, then silence", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const bool swept = GENERATE(true, false);
  Lane lane(v6, from);
  CHECK(lane.put(0, 160).held);
  CHECK(lane.put(160, 240, kStart + 1999).held);  // does not prolong it
  if (swept) lane.reassembly->sweep(at_ms(kStart + 2000), 64);
  CHECK(lane.held() == 2);
  if (swept) {
    lane.reassembly->sweep(at_ms(kStart + 2001), 64);
    CHECK(lane.held() == 0);
  }
  // The last one is late, and waits for others.
  CHECK(lane.put(240, 300, kStart + 2001).held);
  CHECK(lane.ended(Reason::fragment_timeout) == 2);
  CHECK(lane.put(0, 240, kStart + 4001).whole);
}

TEST_CASE("fragments: a sweep ends no more than it may", "[scrubber][fragment]") {
  Lane lane(false, Side::outside);
  for (std::uint32_t id = 0; id < 10; ++id) CHECK(lane.put(0, 160, kStart, id).held);
  lane.reassembly->sweep(at_ms(kStart + 2001), 4);
  CHECK(lane.held() == 6);
  lane.reassembly->sweep(at_ms(kStart + 2001), 64);
  CHECK(lane.held() == 0);
}

TEST_CASE("fragments: what waits at the end is accounted for", "[scrubber][fragment]") {
  Lane lane(true, Side::inside);
  CHECK(lane.put(0, 160).held);
  CHECK(lane.put(160, 240).held);
  lane.reassembly->finish();
  CHECK(lane.ended(Reason::shutdown) == 2);
  CHECK(lane.held() == 0);
}

TEST_CASE("S-FRAG-4: a full table lets the oldest go", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  Lane lane(v6, from, {4, 256});
  for (std::uint32_t id = 1; id <= 4; ++id) REQUIRE(lane.put(0, 160, kStart + id, id).held);
  REQUIRE(lane.put(160, 240, kStart + 5, 1).held);  // makes it no younger
  REQUIRE(lane.put(0, 160, kStart + 6, 5).held);
  CHECK(lane.ended(Reason::fragment_table_full) == 2);
  for (std::uint32_t id = 2; id <= 5; ++id) CHECK(lane.put(160, 300, kStart + 7, id).whole);
  CHECK(lane.held() == 0);
  // What is barred gives way before what waits.
  for (std::uint32_t id = 1; id <= 4; ++id) REQUIRE(lane.put(0, 160, kStart + 8, id).held);
  CHECK(lane.put(8, 160, kStart + 9, 3).why == Reason::fragment_overlap);
  REQUIRE(lane.put(0, 160, kStart + 10, 9).held);
  CHECK(lane.ended(Reason::fragment_table_full) == 2);
  for (const std::uint32_t id : {1U, 2U, 4U, 9U}) CHECK(lane.put(160, 300, kStart + 11, id).whole);
}

TEST_CASE("S-FRAG-4: no source has more than 64 datagrams waiting", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  Lane lane(v6, Side::outside, {256, 512});
  // Within the /64 it is one source.
  const auto own = [&](std::uint32_t id, std::size_t begin, std::size_t end) {
    Craft c = part_of(lane.whole, begin, end, id);
    if (v6) c.put32(c.l3 + 20, id);
    return lane.send(c, Side::outside, at_ms(kStart));
  };
  REQUIRE(lane.send(from_source(part_of(lane.whole, 0, 160), 1), Side::outside).held);
  for (std::uint32_t id = 1; id <= 64; ++id) REQUIRE(own(id, 0, 160).held);
  CHECK(lane.ended(Reason::fragment_table_full) == 0);
  REQUIRE(own(65, 0, 160).held);
  CHECK(lane.ended(Reason::fragment_table_full) == 1);
  CHECK(lane.held() == 65);
  CHECK_FALSE(own(65, 160, 300).held);
  CHECK_FALSE(own(2, 160, 300).held);
  CHECK(own(1, 160, 300).held);  // was the oldest
  // The other one was left alone: that its checksum is wrong shows it whole.
  CHECK(lane.send(from_source(part_of(lane.whole, 160, 300), 1), Side::outside).why ==
        Reason::udp_checksum);
}

TEST_CASE("S-FRAG-4: hosts inside are sources each", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  Lane lane(v6, Side::inside, {256, 512});
  for (std::uint32_t host = 1; host <= 70; ++host) {
    Craft c = part_of(lane.whole, 0, 160);
    if (c.v4)
      c.put8(c.l3 + 15, host).sum_ip();
    else
      c.put32(c.l3 + 20, host);
    REQUIRE(lane.send(c, Side::inside).held);
  }
  CHECK(lane.held() == 70);
}

TEST_CASE("S-FRAG-4: a flood of fragments takes no more than its share", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const bool many_sources = GENERATE(true, false);
  Lane lane(v6, Side::outside, {128, 100});
  std::uint32_t most = 0;
  for (std::uint32_t n = 0; n < 5000; ++n) {
    Craft c = part_of(lane.whole, n % 3 == 0 ? 0 : 80, 160, n);
    if (many_sources) c = from_source(c, n);
    CHECK_FALSE(lane.send(c, Side::outside, at_ms(kStart + n / 10)).whole);
    if (n % 7 == 0)
      lane.send(part_of(lane.whole, 72, 104, n), Side::outside, at_ms(kStart + n / 10));
    most = std::max(most, lane.held());
    REQUIRE(rte_mempool_avail_count(probe_pool()) + lane.held() == lane.before);
  }
  CHECK(most <= (many_sources ? 100U : 64U));
  CHECK(most >= (many_sources ? 100U : 50U));
  // Who comes then is served.
  CHECK(
      lane.send(from_source(part_of(lane.whole, 0, 160), 90000), Side::outside, at_ms(11000)).held);
  CHECK(lane.send(from_source(part_of(lane.whole, 160, 300), 90000), Side::outside, at_ms(11000))
            .why == Reason::udp_checksum);
  CHECK(FragmentTable::memory_bytes(4096) < 4096 * 256);
}

TEST_CASE("fragments: the frames that wait are bounded whatever the table",
          "[scrubber][fragment]") {
  Lane lane(false, Side::outside, {1024, 20});
  for (std::uint32_t id = 1; id <= 10; ++id) {
    REQUIRE(lane.put(0, 80, kStart, id).held);
    REQUIRE(lane.put(80, 160, kStart, id).held);
  }
  REQUIRE(lane.put(0, 80, kStart, 11).held);
  CHECK(lane.held() == 19);
  CHECK(lane.ended(Reason::fragment_table_full) == 2);
  CHECK(lane.put(160, 300, kStart, 10).whole);
}

TEST_CASE("fragments: any pieces at all come to what a plain reading of the rules says",
          "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const unsigned seed = GENERATE(1U, 2U, 3U);
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  Lane lane(v6, Side::outside);
  struct Model {
    std::vector<bool> covered = std::vector<bool>(300);
    std::vector<std::pair<std::size_t, std::size_t>> parts;
    std::optional<Reason> barred;
    std::int64_t since = 0;
  };
  std::map<std::uint32_t, Model> models;
  unsigned wholes = 0, bars = 0;
  std::int64_t ms = kStart;
  for (int n = 0; n < 6000; ++n) {
    ms += static_cast<std::int64_t>(below(60));
    const auto id = static_cast<std::uint32_t>(below(6));
    // Mostly on a grid, so that there are wholes and duplicates.
    const std::size_t grid = below(10) == 0 ? 8 : 64;
    std::size_t begin = below(300 / grid + 1) * grid;
    if (begin >= 300) begin = 0;
    std::size_t end = std::min<std::size_t>(300, begin + (below(12) == 0 ? 2 : 1) * grid);
    if (end > 296) end = 300;
    CAPTURE(n, id, begin, end);

    auto at = models.find(id);
    if (at != models.end() && ms - at->second.since > 2000)
      at = models.erase(at), at = models.end();
    if (at == models.end())
      at = models.emplace(id, Model{{std::vector<bool>(300)}, {}, {}, ms}).first;
    Model& m = at->second;
    std::optional<Reason> why = m.barred;
    if (!why) {
      const std::pair part(begin, end);
      const bool overlaps = std::any_of(m.covered.begin() + static_cast<std::ptrdiff_t>(begin),
                                        m.covered.begin() + static_cast<std::ptrdiff_t>(end),
                                        [](bool b) { return b; });
      if (std::find(m.parts.begin(), m.parts.end(), part) != m.parts.end()) {
        why = Reason::fragment_duplicate;
      } else if (overlaps) {
        why = m.barred = Reason::fragment_overlap;
      } else if (m.parts.size() == 8) {
        why = m.barred = Reason::fragment_count;
      } else {
        m.parts.push_back(part);
        std::fill(m.covered.begin() + static_cast<std::ptrdiff_t>(begin),
                  m.covered.begin() + static_cast<std::ptrdiff_t>(end), true);
      }
      if (m.barred) {
        m.since = ms;
        m.parts.clear();
        ++bars;
      }
    }
    const bool whole =
        !why && std::find(m.covered.begin(), m.covered.end(), false) == m.covered.end();

    const Joined o = lane.put(begin, end, ms, id);
    REQUIRE(o.why == why);
    REQUIRE(o.whole.has_value() == whole);
    REQUIRE(o.held == (!why && !whole));
    if (whole) {
      Bytes expected = lane.whole.bytes;
      if (!v6) expected = Craft(lane.whole).put16(lane.whole.l3 + 4, id).sum_ip().bytes;
      REQUIRE(*o.whole == expected);
      models.erase(at);
      ++wholes;
    }
    std::uint32_t held = 0;
    for (const auto& [other, model] : models)
      held += static_cast<std::uint32_t>(model.parts.size());
    REQUIRE(lane.held() == held);
  }
  CHECK(wholes > 20);
  CHECK(bars > 100);
}
