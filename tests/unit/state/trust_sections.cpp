// SPDX-License-Identifier: BSD-3-Clause
#include "state/trust_sections.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "../trust/sources.hpp"
#include "scratch.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

constexpr std::uint64_t kLayout = 42;

SavedSource saved(const char* address, Time start) {
  const Address a = from_text(address);
  return {{a.high(), a.low()}, start};
}

Image image_of(const TrustState& t) {
  Image image;
  add_sections(image, t);
  return image;
}

TrustState some_trust() {
  TrustState t;
  t.ipv4_prefix = 24;
  t.ipv6_prefix = 64;
  t.layout = kLayout;
  t.sources = {saved("198.51.100.0", 9s), saved("2001:db8:f::", 3s), saved("198.51.101.0", 5s)};
  t.sources[0].member_of = 24;
  t.cells = {{0, 17, 5, 1, 2s}, {1, 18, 6, 2, 3s}};
  return t;
}

Policy policy_of(unsigned ipv4_prefix, unsigned ipv6_prefix) {
  Policy p = trust_policy(Policy::Evidence::weighted);
  p.trust.ipv4_prefix = ipv4_prefix;
  p.trust.ipv6_prefix = ipv6_prefix;
  return p;
}

}  // namespace

TEST_CASE("trust sections: under the same policy all of it, quietest first", "[state]") {
  const ReadTrust read = read_sections(image_of(some_trust()), policy_of(24, 64), kLayout);
  CHECK(read.remarks.empty());
  CHECK(read.cells);
  REQUIRE(read.trust.sources.size() == 3);
  CHECK(read.trust.sources[0].start == 3s);
  CHECK(read.trust.sources[0].source == saved("2001:db8:f::", 0s).source);
  CHECK(read.trust.sources[2].start == 9s);
  CHECK(read.trust.sources[2].member_of == 24);
  REQUIRE(read.trust.cells.size() == 2);
  CHECK(read.trust.cells[1].place == 18);
}

TEST_CASE("trust sections: another trust prefix", "[state]") {
  struct Row {
    unsigned ipv4, ipv6;
    std::size_t left, remarks;
  };
  for (const Row& row :
       {Row{16, 48, 3, 0}, Row{32, 64, 1, 1}, Row{24, 96, 2, 1}, Row{32, 128, 0, 2}}) {
    CAPTURE(row.ipv4, row.ipv6);
    const ReadTrust read =
        read_sections(image_of(some_trust()), policy_of(row.ipv4, row.ipv6), kLayout);
    CHECK(read.trust.sources.size() == row.left);
    CHECK(read.remarks.size() == row.remarks);
  }
}

TEST_CASE("trust sections: suspects are of use to the same layout alone", "[state]") {
  const ReadTrust read = read_sections(image_of(some_trust()), policy_of(24, 64), kLayout + 1);
  CHECK_FALSE(read.cells);
  REQUIRE(read.remarks.size() == 1);
  CHECK_THAT(read.remarks[0], Contains("unproven evidence is not restored"));
}

TEST_CASE("trust sections: of another layout, or not whole", "[state]") {
  Image image = image_of(some_trust());
  for (Section& s : image.sections) s.version = 99;
  ReadTrust read = read_sections(image, policy_of(24, 64), kLayout);
  CHECK(read.trust.sources.empty());
  CHECK(read.remarks.size() == 2);
  for (std::size_t cut = 1; cut < 24; ++cut) {  // less than a row of either
    image = image_of(some_trust());
    for (Section& s : image.sections) s.bytes.resize(s.bytes.size() - cut);
    read = read_sections(image, policy_of(24, 64), kLayout);
    CAPTURE(cut);
    CHECK(read.remarks.size() == 2);
    CHECK(read.trust.sources.empty());
    CHECK(read.trust.cells.empty());
  }
  image = image_of(some_trust());
  for (Section& s : image.sections) s.bytes.clear();
  CHECK(read_sections(image, policy_of(24, 64), kLayout).remarks.size() == 2);
  CHECK(read_sections({}, policy_of(24, 64), kLayout).remarks.empty());
}

TEST_CASE("trust sections: sources as an earlier version saved them", "[state]") {
  Image image = image_of(some_trust());
  Section& proven = image.sections.front();
  proven.version = 1;
  Bytes old(proven.bytes.begin(), proven.bytes.begin() + 8);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto row = proven.bytes.begin() + static_cast<std::ptrdiff_t>(8 + 32 * i);
    old.insert(old.end(), row, row + 24);
  }
  proven.bytes = old;
  ReadTrust read = read_sections(image, policy_of(24, 64), kLayout);
  CHECK(read.remarks.empty());
  REQUIRE(read.trust.sources.size() == 3);
  CHECK(read.trust.sources[2].source == saved("198.51.100.0", 9s).source);
  CHECK(read.trust.sources[2].start == 9s);
  CHECK(read.trust.sources[2].member_of == 0);
  proven.bytes.pop_back();
  read = read_sections(image, policy_of(24, 64), kLayout);
  CHECK(read.remarks.size() == 1);
  CHECK(read.trust.sources.empty());
}

TEST_CASE("trust sections: what suspects rest on", "[state]") {
  const Secrets secrets = Secrets::derive({1, 2});
  const auto layout = [&](const Policy& p, const Secrets& s, unsigned workers) {
    return trust_layout(p, s, Owner(p, s, workers), workers);
  };
  const Policy policy = policy_of(32, 64);
  std::set<std::uint64_t> all{layout(policy, secrets, 2)};
  CHECK(layout(policy, secrets, 2) == *all.begin());
  all.insert(layout(policy, secrets, 3));
  all.insert(layout(policy, Secrets::derive({1, 3}), 2));
  const auto with = [&](auto change) {
    Policy p = policy;
    change(p);
    all.insert(layout(p, secrets, 2));
  };
  with([](Policy& p) { p.tables.sources *= 2; });
  with([](Policy& p) { p.trust.ipv6_prefix = 56; });
  with([](Policy& p) { p.trust.evidence = Policy::Evidence::proof; });
  with([](Policy& p) { p.trust.evidence = Policy::Evidence::attempt; });
  with([](Policy& p) { p.trust.light = Seconds(31); });
  with([](Policy& p) { p.trust.distrusted = Seconds(601); });
  CHECK(all.size() == 9);
  Policy same = policy;
  same.probability.drop = 0.25;
  CHECK(layout(same, secrets, 2) == layout(policy, secrets, 2));
}
