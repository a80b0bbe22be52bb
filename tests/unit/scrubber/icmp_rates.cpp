// SPDX-License-Identifier: BSD-3-Clause
// Rule S-ICMP-5: rates of ICMP, and the buckets that count them.
#include "scrubber/icmp_rates.hpp"

#include <catch2/catch.hpp>

#include "../packet/probe_frames.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

constexpr Time kStart = 1h;

Address address(const char* text) {
  return parse_address(text).value();
}

/// How many of `asked` at once pass.
unsigned taken(TokenBuckets& buckets, std::uint64_t hash, Time now, unsigned asked) {
  unsigned n = 0;
  for (unsigned i = 0; i < asked; ++i) n += buckets.take(hash, now) ? 1U : 0U;
  return n;
}

}  // namespace

TEST_CASE("buckets: a burst, then a rate, then a burst again", "[scrubber][icmp]") {
  TokenBuckets buckets({2, 4}, 64, {"buckets", "tables"});
  CHECK(taken(buckets, 7, kStart, 100) == 4);
  CHECK(taken(buckets, 8, kStart, 100) == 4);  // another's
  CHECK(taken(buckets, 7, kStart + 499ms, 100) == 0);
  CHECK(taken(buckets, 7, kStart + 500ms, 100) == 1);
  CHECK(taken(buckets, 7, kStart + 1500ms, 100) == 2);
  CHECK(taken(buckets, 7, kStart + 1h, 100) == 4);
  TokenBuckets none({0, 4}, 64, {"no buckets", "tables"});
  CHECK(taken(none, 7, kStart, 1000) == 1000);
}

TEST_CASE("buckets: a flood of keys gets no more than the cells would", "[scrubber][icmp]") {
  constexpr std::uint32_t kCells = 64;
  TokenBuckets buckets({1, 4}, kCells, {"few buckets", "tables"});
  std::uint64_t hash = 1;
  const auto flood = [&](Time now) {
    unsigned n = 0;
    for (unsigned i = 0; i < 100'000; ++i) {
      hash = hash * 6364136223846793005U + 1442695040888963407U;
      n += buckets.take(hash, now) ? 1U : 0U;
    }
    return n;
  };
  CHECK(flood(kStart) == kCells * 4);
  CHECK(flood(kStart) == 0);
  CHECK(flood(kStart + 1s) == kCells);
  // Who comes after it shares its debt, and is free of it as soon as the flood is over.
  CHECK(taken(buckets, 7, kStart + 1s, 10) == 0);
  CHECK(taken(buckets, 7, kStart + 6s, 10) == 4);
}

TEST_CASE("S-ICMP-5: echo by source, errors by their ends", "[scrubber][icmp]") {
  Policy policy;
  IcmpRates rates(policy, {1, 2}, "rates");
  const Now now(kStart);

  SECTION("a source is its trust prefix; each has a second's worth at once") {
    const auto echoes = [&](const char* source, const char* destination, unsigned asked, Now at) {
      Frame f({.source = source, .destination = destination, .protocol = protocol::kIcmp});
      unsigned n = 0;
      for (unsigned i = 0; i < asked; ++i) n += rates.echo(f.packet, at) ? 1U : 0U;
      return n;
    };
    CHECK(echoes("198.51.100.7", "203.0.113.10", 60, now) == 60);
    CHECK(echoes("198.51.100.7", "203.0.113.99", 60, now) == 40);
    CHECK(echoes("198.51.100.8", "203.0.113.10", 200, now) == 100);
    CHECK(echoes("198.51.100.7", "203.0.113.10", 200, Now(kStart + 1s)) == 100);
    CHECK(echoes("2001:db8:ffff::7", "2001:db8:1::10", 60, now) == 60);
    CHECK(echoes("2001:db8:ffff::8", "2001:db8:1::10", 60, now) == 40);
  }

  SECTION("four errors at once, one a second; the two ways apart") {
    const IcmpRates::Ends ends{address("203.0.113.10"), address("198.51.100.7")};
    const Address router = address("192.0.2.1");
    const auto out = [&](const IcmpRates::Ends& e, Now at) {
      unsigned n = 0;
      for (unsigned i = 0; i < 10; ++i) n += rates.error_out(e, at) ? 1U : 0U;
      return n;
    };
    const auto in = [&](const Address& reporter, Now at) {
      unsigned n = 0;
      for (unsigned i = 0; i < 10; ++i) n += rates.error_in(ends, reporter, at) ? 1U : 0U;
      return n;
    };
    CHECK(out(ends, now) == 4);
    CHECK(out({ends.inside, address("198.51.100.8")}, now) == 4);
    CHECK(out({address("203.0.113.11"), ends.outside}, now) == 4);
    CHECK(in(router, now) == 4);
    CHECK(in(address("192.0.2.2"), now) == 4);  // the next hop of a traceroute
    CHECK(out(ends, Now(kStart + 1s)) == 1);
    CHECK(in(router, Now(kStart + 2s)) == 2);
  }
}

TEST_CASE("S-ICMP-5: reporters that are invented share what a pair of ends may be told",
          "[scrubber][icmp]") {
  Policy policy;
  IcmpRates rates(policy, {1, 2}, "invented");
  const Now now(std::chrono::hours(1));
  const auto address = [](const char* text) { return parse_address(text).value(); };
  const IcmpRates::Ends pair{address("203.0.113.10"), address("198.51.100.7")};
  const IcmpRates::Ends other{address("203.0.113.10"), address("198.51.100.8")};
  unsigned told = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string reporter =
        "198.18." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    told += rates.error_in(pair, address(reporter.c_str()), now) ? 1 : 0;
  }
  CHECK(told == IcmpRates::kErrorBurst * IcmpRates::kReporters);
  CHECK(rates.error_in(other, address("198.18.0.1"), now));
}
