// SPDX-License-Identifier: BSD-3-Clause
#include "reply/cookie.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <vector>

#include "../packet/probe_frames.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr Key128 kSecret{0x1122334455667788U, 0x99aabbccddeeff00U};
constexpr std::uint32_t kIsn = 0xfffffff0U;

FlowKey flow_of(std::uint16_t port, bool v6 = false) {
  const auto address = [](const char* text) { return parse_address(text).value(); };
  if (v6)
    return make_flow_key(Family::v6, 6, {address("2001:db8:2::1"), be16(port)},
                         {address("2001:db8:1::10"), be16(443)});
  return make_flow_key(Family::v4, 6, {address("198.51.100.7"), be16(port)},
                       {address("203.0.113.10"), be16(443)});
}

Now at(std::chrono::seconds s) {
  return Now(s);
}

}  // namespace

TEST_CASE("A cookie gives back what was offered") {
  const bool v6 = GENERATE(false, true);
  const FlowKey flow = flow_of(40000, v6);
  const Handshake handshake{flow, v6 ? Family::v6 : Family::v4, kIsn};
  Cookie cookie(kSecret);
  for (const unsigned mss : {0U, 63U, 64U, 535U, 536U, 1219U, 1220U, 1360U, 1439U, 1440U, 1459U,
                             1460U, 8939U, 8940U, 65535U})
    for (std::uint8_t scale = 0; scale <= SynOffer::kNoScale; ++scale)
      for (const bool sack : {false, true}) {
        const SynOffer offer{static_cast<std::uint16_t>(mss), scale, sack};
        const auto found = cookie.check(handshake, cookie.make(handshake, offer, {}), {});
        REQUIRE(found.has_value());
        REQUIRE(found->mss == Cookie::round_mss(offer.mss));
        REQUIRE(found->window_scale == scale);
        REQUIRE(found->sack == sack);
      }
  CHECK(Cookie::round_mss(1459) == 1440);
  CHECK(Cookie::round_mss(1460) == 1460);
  CHECK(Cookie::round_mss(9000) == 8940);
}

TEST_CASE("Only the right acknowledgement of the right handshake verifies") {
  Cookie cookie(kSecret);
  const SynOffer offer{1460, 7, true};
  const FlowKey flow = flow_of(40000);
  const FlowKey elsewhere = flow_of(40001);
  const std::uint32_t isn = cookie.make({flow, Family::v4, kIsn}, offer, {});
  CHECK(cookie.check({flow, Family::v4, kIsn}, isn, {}).has_value());
  CHECK_FALSE(cookie.check({elsewhere, Family::v4, kIsn}, isn, {}).has_value());
  for (std::uint32_t delta = 1; delta <= 4096; ++delta) {
    REQUIRE_FALSE(cookie.check({flow, Family::v4, kIsn}, isn + delta, {}).has_value());
    REQUIRE_FALSE(cookie.check({flow, Family::v4, kIsn}, isn - delta, {}).has_value());
    REQUIRE_FALSE(cookie.check({flow, Family::v4, kIsn + delta}, isn, {}).has_value());
  }
  for (unsigned bit = 0; bit < 32; ++bit)
    REQUIRE_FALSE(cookie.check({flow, Family::v4, kIsn}, isn ^ 1U << bit, {}).has_value());
  CHECK_FALSE(Cookie({1, 2}).check({flow, Family::v4, kIsn}, isn, {}).has_value());
}

TEST_CASE("The same SYN gets the same ISN within the hour, another in the next") {
  Cookie cookie(kSecret);
  const FlowKey flow = flow_of(40000);
  const Handshake handshake{flow, Family::v4, kIsn};
  const SynOffer offer{1460, 7, true};
  const std::uint32_t first = cookie.make(handshake, offer, at(std::chrono::seconds(3600)));
  CHECK(cookie.make(handshake, offer, at(std::chrono::seconds(7199))) == first);
  const std::uint32_t second = cookie.make(handshake, offer, at(std::chrono::seconds(7200)));
  CHECK(second != first);

  CHECK(cookie.check(handshake, first, at(std::chrono::seconds(7200))).has_value());
  CHECK(cookie.check(handshake, first, at(std::chrono::seconds(10799))).has_value());
  CHECK_FALSE(cookie.check(handshake, first, at(std::chrono::seconds(10800))).has_value());
  CHECK(cookie.check(handshake, second, at(std::chrono::seconds(10800))).has_value());
  // The next hour's cookie is unknown before its time.
  CHECK_FALSE(cookie.check(handshake, second, at(std::chrono::seconds(7199))).has_value());

  Cookie restarted(kSecret);
  CHECK(restarted.check(handshake, first, at(std::chrono::seconds(7200))).has_value());
}

TEST_CASE("Guessing acknowledgements does not pay") {
  Cookie cookie(kSecret);
  const FlowKey flow = flow_of(40000);
  std::mt19937 random(7);
  unsigned hits = 0;
  for (int i = 0; i < 1 << 16; ++i)
    hits +=
        cookie.check({flow, Family::v4, kIsn}, static_cast<std::uint32_t>(random()), {}).has_value()
            ? 1U
            : 0U;
  // Expected: 2^16 / 2^23 for two keys.
  CHECK(hits <= 1);
}

TEST_CASE("ISNs of neighbouring handshakes are unrelated") {
  Cookie cookie(kSecret);
  const SynOffer offer{1460, 7, true};
  std::set<std::uint32_t> isns;
  std::set<std::uint32_t> steps;
  std::set<std::uint32_t> low;
  std::uint32_t last = 0;
  for (std::uint16_t port = 1000; port < 3000; ++port) {
    const FlowKey flow = flow_of(port);
    const std::uint32_t isn = cookie.make({flow, Family::v4, kIsn}, offer, {});
    isns.insert(isn);
    steps.insert(isn - last);
    low.insert(isn & 0xffU);
    last = isn;
  }
  CHECK(isns.size() >= 1999);
  CHECK(steps.size() >= 1999);
  // Equal offers do not show in the low bits.
  CHECK(low.size() > 250);
}

TEST_CASE("A SYN's options are read within their bounds") {
  const auto read = [](Bytes options, bool v6 = false) {
    Probe p;
    if (v6) {
      p.source = "2001:db8:2::1";
      p.destination = "2001:db8:1::10";
    }
    p.options = std::move(options);
    return read_offer(Frame(p).packet);
  };
  CHECK(read({}) == SynOffer{536, SynOffer::kNoScale, false});
  CHECK(read({}, true).mss == 1220);
  CHECK(read({2, 4, 5, 180, 1, 3, 3, 7, 1, 1, 4, 2}) == SynOffer{1460, 7, true});
  // As Linux sends it: MSS, SACK, timestamps, NOP, scale.
  CHECK(read({2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 10}) ==
        SynOffer{1460, 10, true});
  CHECK(read({3, 3, 15, 0}).window_scale == 14);
  CHECK(read({3, 3, 255, 0}).window_scale == 14);
  CHECK(read({3, 3, 0, 0}).window_scale == 0);
  // Nothing behind the end, behind an overrun, or from a wrong length.
  CHECK_FALSE(read({0, 4, 2, 0}).sack);
  CHECK_FALSE(read({8, 12, 4, 2}).sack);
  CHECK_FALSE(read({1, 1, 1, 4}).sack);
  CHECK_FALSE(read({1, 5, 0, 0}).sack);
  CHECK_FALSE(read({3, 4, 7, 0}).scaled());
  CHECK_FALSE(read({4, 1, 4, 2}).sack);
}

TEST_CASE("The cookies of a burst are those of its SYNs one by one") {
  const bool v6 = GENERATE(false, true);
  const Family family = v6 ? Family::v6 : Family::v4;
  Cookie cookie(kSecret);
  for (std::size_t count = 1; count <= kBurst; ++count) {
    std::vector<Packet> syns(count);
    std::vector<const Packet*> burst;
    std::vector<SynOffer> offers(count);
    for (std::size_t i = 0; i < count; ++i) {
      syns[i].key = flow_of(static_cast<std::uint16_t>(40000 + i), v6);
      syns[i].sequence = kIsn + static_cast<std::uint32_t>(i);
      offers[i] = {static_cast<std::uint16_t>(1400 + 10 * i), static_cast<std::uint8_t>(i % 16),
                   i % 2 == 0};
      burst.push_back(&syns[i]);
    }
    std::array<std::uint32_t, kBurst> isns{};
    cookie.make(family, burst, offers, at(std::chrono::hours(2)), isns);
    for (std::size_t i = 0; i < count; ++i)
      REQUIRE(isns[i] == cookie.make({syns[i].key, family, syns[i].sequence}, offers[i],
                                     at(std::chrono::hours(2))));
  }
}
