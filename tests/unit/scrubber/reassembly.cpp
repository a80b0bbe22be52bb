// SPDX-License-Identifier: BSD-3-Clause
// S-FRAG-6: how a datagram that was joined leaves; and that the rules meet it whole.
#include <set>

#include "joiner.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

Joined send_all(Joiner& joiner, const std::vector<Craft>& parts, Side from) {
  Joined last;
  for (const Craft& c : parts) last = joiner.send(c, from, at_ms(1));
  return last;
}

struct Left {
  std::uint32_t id = 0;
  std::size_t offset = 0;
  bool more = false;
  Bytes data;
  std::size_t ip_length = 0;
  bool dont_fragment = false;
};

/// Reads a fragment without the code under test.
Left read(const Bytes& frame, std::size_t l3, bool v6) {
  const auto u16 = [&](std::size_t at) {
    return std::size_t{frame.at(at)} << 8U | std::size_t{frame.at(at + 1)};
  };
  Left o;
  o.ip_length = frame.size() - l3;
  std::size_t at = l3 + 20;
  if (v6) {
    CHECK(u16(l3 + 4) == o.ip_length - 40);
    CHECK(frame.at(l3 + 6) == 44);
    at = l3 + 48;
    o.offset = u16(l3 + 42) & 0xfff8U;
    o.more = (u16(l3 + 42) & 1U) != 0;
    o.id = static_cast<std::uint32_t>(u16(l3 + 44) << 16U | u16(l3 + 46));
  } else {
    CHECK(u16(l3 + 2) == o.ip_length);
    const auto begin = frame.begin() + static_cast<std::ptrdiff_t>(l3);
    CHECK(plain_checksum({begin, begin + 20}) == 0);
    o.offset = (u16(l3 + 6) & 0x1fffU) * 8;
    o.more = (u16(l3 + 6) & 0x2000U) != 0;
    o.dont_fragment = (u16(l3 + 6) & 0x4000U) != 0;
    o.id = static_cast<std::uint32_t>(u16(l3 + 4));
  }
  o.data.assign(frame.begin() + static_cast<std::ptrdiff_t>(at), frame.end());
  return o;
}

Bytes upper(const Craft& whole) {
  return {whole.bytes.begin() + static_cast<std::ptrdiff_t>(whole.l4), whole.bytes.end()};
}

}  // namespace

TEST_CASE("S-FRAG-6: an EDNS answer of 4096 bytes leaves in fragments that fit",
          "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::size_t step = GENERATE(1448U, 1400U, 1232U, 552U);
  const unsigned order = GENERATE(0U, 1U);
  const unsigned tags = GENERATE(0U, 2U);
  CAPTURE(v6, step, order);
  Joiner joiner;
  Craft whole = datagram(v6, from, protocol::kUdp, 4096);
  if (tags != 0) whole.insert(12, {0x88, 0xa8, 0x60, 0x64, 0x81, 0x00, 0x60, 0x65}).l3 += 8;
  auto parts = cut(whole, step);
  std::size_t largest = 0;
  for (const Craft& c : parts) largest = std::max(largest, c.bytes.size() - c.l3);
  if (order == 1) std::reverse(parts.begin(), parts.end());
  const Joined o = send_all(joiner, parts, from);
  REQUIRE(o.whole);
  REQUIRE(o.left.size() == parts.size());
  Bytes data;
  std::set<std::uint32_t> ids;
  for (std::size_t i = 0; i < o.left.size(); ++i) {
    const Left left = read(o.left[i], whole.l3, v6);
    CHECK(left.offset == data.size());  // ascending
    CHECK(left.more == (i + 1 != o.left.size()));
    CHECK(left.ip_length <= largest);
    CHECK_FALSE(left.dont_fragment);
    // Everything up to the IP header, and its addresses.
    CHECK(std::equal(o.left[i].begin(), o.left[i].begin() + static_cast<std::ptrdiff_t>(whole.l3),
                     whole.bytes.begin()));
    const std::size_t addresses = whole.l3 + (v6 ? 8 : 12);
    CHECK(std::equal(o.left[i].begin() + static_cast<std::ptrdiff_t>(addresses),
                     o.left[i].begin() + static_cast<std::ptrdiff_t>(addresses + (v6 ? 32 : 8)),
                     whole.bytes.begin() + static_cast<std::ptrdiff_t>(addresses)));
    if (v6) CHECK(o.left[i].at(whole.l3 + 40) == 17);
    ids.insert(left.id);
    data.insert(data.end(), left.data.begin(), left.data.end());
  }
  CHECK(data == upper(whole));
  CHECK(ids.size() == 1);
  CHECK_FALSE(ids.contains(7));
  CHECK(joiner.ended(Reason::fragment_joined) == 0);
}

TEST_CASE("S-FRAG-6: a last fragment longer than the others takes no further one",
          "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  Joiner joiner;
  const Craft whole = datagram(v6, Side::outside, protocol::kUdp, 7 * 1448 + 1455 - 8);
  std::vector<Craft> parts;
  for (std::size_t i = 0; i < 7; ++i) parts.push_back(part_of(whole, i * 1448, (i + 1) * 1448));
  parts.push_back(part_of(whole, 7 * std::size_t{1448}, 7 * 1448 + 1455));
  const Joined o = send_all(joiner, parts, Side::outside);
  REQUIRE(o.whole);
  CHECK(o.left.size() == 8);
}

TEST_CASE("S-FRAG-6: identifiers differ and follow no pattern", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  Joiner joiner;
  const Craft whole = datagram(v6, Side::inside, protocol::kUdp, 2000);
  std::set<std::uint32_t> ids;
  std::set<std::uint32_t> steps;
  std::uint32_t before = 0;
  for (std::uint32_t n = 0; n < 50; ++n) {
    const Joined o = send_all(joiner, cut(whole, 1400, 7), Side::inside);
    REQUIRE(o.left.size() == 2);
    const std::uint32_t id = read(o.left[0], whole.l3, v6).id;
    CHECK(read(o.left[1], whole.l3, v6).id == id);
    CHECK((id & 0xffffU) != 0);
    ids.insert(id);
    steps.insert(id - before);
    before = id;
  }
  CHECK(ids.size() >= 49);
  CHECK(steps.size() >= 49);
}

TEST_CASE("S-FRAG-6: tiny fragments of what every link takes leave as one packet",
          "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const std::uint8_t protocol = GENERATE(as<std::uint8_t>(), 6, 17, 47);
  Joiner joiner;
  const Craft whole = datagram(v6, from, protocol, 100);
  const Joined o = send_all(joiner, cut(whole, 24), from);
  REQUIRE(o.left.size() == 1);
  Bytes expected = whole.bytes;
  if (!v6) {
    const auto id = read(o.left[0], whole.l3, false).id;
    CHECK(id != 7);
    expected = Craft(whole).put16(whole.l3 + 4, id).sum_ip().bytes;
  }
  CHECK(o.left[0] == expected);
  CHECK(joiner.ended(Reason::fragment_joined) == cut(whole, 24).size() - 1);
}

TEST_CASE("S-FRAG-6: how much leaves as one packet", "[scrubber][fragment]") {
  struct Row {
    const char* what;
    bool v6, dont_fragment;
    std::size_t most;  ///< IP length
  };
  const Row row =
      GENERATE(Row{"IPv4", false, false, 1500}, Row{"IPv4, not to be cut", false, true, 576},
               Row{"IPv6", true, false, 1280});
  CAPTURE(row.what);
  const std::size_t headers = (row.v6 ? 40 : 20) + 8;
  for (const std::size_t length : {row.most, row.most + 1}) {
    Joiner joiner;
    Craft whole = datagram(row.v6, Side::outside, protocol::kUdp, length - headers);
    auto parts = cut(whole, 400);
    if (row.dont_fragment)
      for (Craft& c : parts) c.put8(c.l3 + 6, c.bytes.at(c.l3 + 6) | 0x40U).sum_ip();
    const Joined o = send_all(joiner, parts, Side::outside);
    REQUIRE_FALSE(o.left.empty());
    CHECK((o.left.size() == 1) == (length == row.most));
    if (o.left.size() > 1)
      for (const Bytes& frame : o.left) {
        const Left left = read(frame, whole.l3, row.v6);
        CHECK(left.data.size() <= 400);
        CHECK(left.dont_fragment == row.dont_fragment);
      }
  }
}

TEST_CASE("S-FRAG: the transport's rules and its checksum cover the whole datagram",
          "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  const Side from = GENERATE(Side::outside, Side::inside);
  const auto outcome = [&](std::uint8_t protocol, const std::function<void(Craft&)>& edit) {
    Joiner joiner;
    Craft whole = datagram(v6, from, protocol, 200);
    edit(whole);
    const auto parts = cut(whole, 64);
    const Joined o = send_all(joiner, parts, from);
    if (o.why) {
      CHECK(o.left.empty());
      CHECK(joiner.ended(*o.why) == parts.size());  // each frame that it came in
    }
    return o.why;
  };
  const auto summed16 = [](std::uint8_t protocol, std::size_t at, unsigned v) {
    return [=](Craft& c) { c.put16(c.l4 + at, v).sum_upper(protocol); };
  };
  const auto flags = [](unsigned v) {
    return [=](Craft& c) { c.put8(c.l4 + 13, v).sum_upper(protocol::kTcp); };
  };
  const auto last_byte = [](Craft& c) { c.put8(c.bytes.size() - 1, c.bytes.back() ^ 1U); };
  constexpr std::nullopt_t kPasses = std::nullopt;
  CHECK(outcome(protocol::kTcp, last_byte) == Reason::tcp_checksum);
  CHECK(outcome(protocol::kUdp, last_byte) == Reason::udp_checksum);
  CHECK(outcome(47, last_byte) == kPasses);
  CHECK(outcome(protocol::kTcp, summed16(6, 0, 0)) == Reason::tcp_port);
  CHECK(outcome(protocol::kTcp, flags(0)) == Reason::tcp_flags);
  CHECK(outcome(protocol::kTcp, flags(tcp::kSyn)) == kPasses);
  CHECK(outcome(protocol::kUdp, summed16(17, 2, 0)) == Reason::udp_port);
  CHECK(outcome(protocol::kUdp, summed16(17, 4, 209)) == Reason::udp_header);
  CHECK(outcome(protocol::kUdp, [](Craft& c) { c.put16(c.l4 + 6, 0); }) ==
        (v6 ? std::optional<Reason>(Reason::udp_checksum) : kPasses));
}

TEST_CASE("S-FRAG: what the chain ends ends with every frame that it came in",
          "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  Joiner joiner;
  joiner.fate = [](Packet& p) { p.drop(Reason::coin); };
  const Joined o = send_all(
      joiner, cut(datagram(v6, Side::outside, protocol::kUdp, 292), 100 / 8 * 8), Side::outside);
  CHECK(o.whole);
  CHECK(o.left.empty());
  CHECK(joiner.ended(Reason::coin) == 4);
  CHECK(joiner.ended(Reason::fragment_joined) == 0);
}

TEST_CASE("S-FRAG: what is rewritten in the whole is rewritten in what leaves",
          "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  Joiner joiner;
  joiner.fate = [](Packet& p) {
    p.ether().destination = Mac{{2, 2, 2, 2, 2, 2}};
    p.data()[p.end - 1] = 0x77;
    p.forward();
  };
  const Craft whole = datagram(v6, Side::outside, protocol::kUdp, 2500);
  const Joined o = send_all(joiner, cut(whole, 1400), Side::outside);
  REQUIRE(o.left.size() == 2);
  for (const Bytes& frame : o.left) CHECK(frame[0] == 2);
  for (const Bytes& frame : o.left) CHECK(frame[5] == 2);
  CHECK(o.left[1].back() == 0x77);
}

TEST_CASE("S-FRAG-3: a datagram that fits no buffer is refused by name", "[scrubber][fragment]") {
  const bool v6 = GENERATE(false, true);
  rte_mempool* const jumbo =
      rte_pktmbuf_pool_create("jumbo", 16, 0, 0, 9000, static_cast<int>(SOCKET_ID_ANY));
  REQUIRE(jumbo != nullptr);
  {
    Joiner joiner;
    // Its Ethernet header counts.
    const std::size_t most = 65535 - 14 - (v6 ? 40 : 20);
    for (const std::size_t length : {most, most + 1}) {
      Craft whole = datagram(v6, Side::outside, 47, 0);
      whole.resize(whole.l4 + length);
      const auto parts = cut(whole, 8200);
      REQUIRE(parts.size() == 8);
      Joined last;
      for (const Craft& c : parts) last = joiner.send(c, Side::outside, at_ms(1), jumbo);
      CHECK(last.why == (length == most ? std::optional<Reason>() : Reason::fragment_bounds));
      CHECK(last.left.size() == (length == most ? 8 : 0));
    }
    CHECK(joiner.ended(Reason::fragment_bounds) == 8);
  }
  CHECK(rte_mempool_in_use_count(jumbo) == 0);
  rte_mempool_free(jumbo);
}
