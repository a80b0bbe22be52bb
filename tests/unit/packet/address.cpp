// SPDX-License-Identifier: BSD-3-Clause
#include "packet/address.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

using namespace mitibox;

namespace {

Address addr(const char* text) {
  return parse_address(text).value();
}

PrefixSet set_of(const std::vector<const char*>& texts) {
  std::vector<Prefix> prefixes;
  for (const char* t : texts) prefixes.push_back(parse_prefix(t).value());
  return PrefixSet(prefixes);
}

}  // namespace

TEST_CASE("addresses are read and written alike", "[packet]") {
  for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1",
                           "2001:db8:1:2:3:4:5:6", "fe80::1", "::ffff:0:0:1",
                           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    CAPTURE(text);
    REQUIRE(parse_address(text));
    REQUIRE(to_string(addr(text)) == text);
  }
  REQUIRE(to_string(addr("2001:DB8:0:0::A")) == "2001:db8::a");
  REQUIRE(addr("192.0.2.1").is_v4());
  REQUIRE(addr("192.0.2.1").v4().host() == 0xc0000201);
  REQUIRE_FALSE(addr("2001:db8::1").is_v4());
  REQUIRE_FALSE(addr("::1").is_v4());
  REQUIRE_FALSE(addr("::ffff:0:0:1").is_v4());
  REQUIRE(Address(be32(0xc0000201)) == addr("192.0.2.1"));
}

TEST_CASE("what is no address is not read", "[packet]") {
  for (const char* text : {"",
                           " ",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "1.2.3.-4",
                           "01.2.3.4",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "1.2.3.4/32",
                           ":",
                           ":::",
                           "1::2::3",
                           "2001:db8",
                           "2001:db8::g",
                           "::12345",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "fe80::1%1",
                           "[::1]",
                           "::ffff:1.2.3.4",
                           "::ffff:c000:201",
                           "localhost",
                           "0x7f.0.0.1"}) {
    CAPTURE(text);
    REQUIRE_FALSE(parse_address(text));
  }
}

TEST_CASE("text that holds a NUL is neither address nor prefix", "[packet]") {
  for (const std::string_view base : {"192.0.2.1", "2001:db8::1", "192.0.2.1/32"}) {
    for (std::size_t at = 0; at <= base.size(); ++at) {
      std::string text(base);
      text.insert(at, 1, '\0');
      CAPTURE(base, at);
      CHECK_FALSE(parse_address(text));
      CHECK_FALSE(parse_prefix(text));
    }
  }
}

TEST_CASE("masking keeps the leading bits of the family", "[packet]") {
  const Address v4 = addr("255.255.255.255");
  REQUIRE(to_string(masked(v4, 0)) == "0.0.0.0");
  REQUIRE(to_string(masked(v4, 1)) == "128.0.0.0");
  REQUIRE(to_string(masked(v4, 7)) == "254.0.0.0");
  REQUIRE(to_string(masked(v4, 8)) == "255.0.0.0");
  REQUIRE(to_string(masked(v4, 9)) == "255.128.0.0");
  REQUIRE(to_string(masked(v4, 31)) == "255.255.255.254");
  REQUIRE(masked(v4, 32) == v4);

  const Address v6 = addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  REQUIRE(to_string(masked(v6, 0)) == "::");
  REQUIRE(to_string(masked(v6, 1)) == "8000::");
  REQUIRE(to_string(masked(v6, 56)) == "ffff:ffff:ffff:ff00::");
  REQUIRE(to_string(masked(v6, 64)) == "ffff:ffff:ffff:ffff::");
  REQUIRE(to_string(masked(v6, 127)) == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
  REQUIRE(masked(v6, 128) == v6);
}

TEST_CASE("prefixes are read, with the host bits clear", "[packet]") {
  for (const char* text : {"0.0.0.0/0", "10.0.0.0/8", "192.0.2.4/30", "192.0.2.1/32", "::/0",
                           "2001:db8::/32", "2001:db8::1/128"}) {
    CAPTURE(text);
    REQUIRE(parse_prefix(text));
    REQUIRE(to_string(*parse_prefix(text)) == text);
  }
  REQUIRE(to_string(parse_prefix("192.0.2.1").value()) == "192.0.2.1/32");
  REQUIRE(to_string(parse_prefix("2001:db8::1").value()) == "2001:db8::1/128");
  for (const char* text : {"",
                           "/",
                           "/8",
                           "10.0.0.0/",
                           "10.0.0.0/33",
                           "10.0.0.0/08",
                           "0.0.0.0/00",
                           "10.0.0.0/032",
                           "2001:db8::/032",
                           "10.0.0.0/-1",
                           "10.0.0.0/+8",
                           "10.0.0.0/8 ",
                           "10.0.0.0/8/8",
                           "10.0.0.0/a",
                           "10.0.0.1/8",
                           "10.0.0.0/4294967304",
                           "192.0.2.1/31",
                           "0.0.0.1/0",
                           "2001:db8::/129",
                           "2001:db8::1/64",
                           "::1/0",
                           "::ffff:10.0.0.0/104"}) {
    CAPTURE(text);
    REQUIRE_FALSE(parse_prefix(text));
  }
}

TEST_CASE("a prefix has its first and last address and no others", "[packet]") {
  const Prefix p = parse_prefix("192.0.2.64/26").value();
  REQUIRE(to_string(p.first()) == "192.0.2.64");
  REQUIRE(to_string(p.last()) == "192.0.2.127");
  REQUIRE(p.contains(addr("192.0.2.64")));
  REQUIRE(p.contains(addr("192.0.2.127")));
  REQUIRE_FALSE(p.contains(addr("192.0.2.63")));
  REQUIRE_FALSE(p.contains(addr("192.0.2.128")));
  REQUIRE(parse_prefix("10.0.0.1").value().last() == addr("10.0.0.1"));

  const Prefix v6 = parse_prefix("2001:db8:0:8::/61").value();
  REQUIRE(to_string(v6.last()) == "2001:db8:0:f:ffff:ffff:ffff:ffff");
  REQUIRE(v6.contains(addr("2001:db8:0:f::")));
  REQUIRE_FALSE(v6.contains(addr("2001:db8:0:10::")));

  // The families stay apart, also at length 0.
  REQUIRE(parse_prefix("0.0.0.0/0").value().contains(addr("255.255.255.255")));
  REQUIRE_FALSE(parse_prefix("0.0.0.0/0").value().contains(addr("::")));
  REQUIRE(parse_prefix("::/0").value().contains(addr("::1")));
  REQUIRE_FALSE(parse_prefix("::/0").value().contains(addr("192.0.2.1")));
  REQUIRE_FALSE(set_of({"::/0"}).contains(addr("192.0.2.1")));
  REQUIRE_FALSE(set_of({"0.0.0.0/0"}).contains(addr("::1")));
}

TEST_CASE("a set finds what lies in it, to the edge", "[packet]") {
  REQUIRE(PrefixSet().empty());
  REQUIRE_FALSE(PrefixSet().contains(addr("192.0.2.1")));
  REQUIRE_FALSE(PrefixSet().contains(addr("::1")));

  const PrefixSet set =
      set_of({"203.0.113.128/25", "10.0.0.0/8", "203.0.113.0/25", "10.1.0.0/16", "255.255.255.255",
              "0.0.0.0/32", "2001:db8:1::/64", "2001:db8:0:ffff::/64", "ffff::/16", "::/128"});
  REQUIRE_FALSE(set.empty());
  for (const char* in :
       {"203.0.113.0", "203.0.113.127", "203.0.113.128", "203.0.113.255", "10.0.0.0",
        "10.255.255.255", "10.1.255.255", "10.2.0.0", "255.255.255.255", "0.0.0.0",
        "2001:db8:1::", "2001:db8:1:0:ffff:ffff:ffff:ffff",
        "2001:db8:0:ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::"}) {
    CAPTURE(in);
    CHECK(set.contains(addr(in)));
  }
  for (const char* out :
       {"203.0.112.255", "203.0.114.0", "9.255.255.255", "11.0.0.0", "255.255.255.254", "0.0.0.1",
        "2001:db8:1:1::", "2001:db8:0:fffe:ffff:ffff:ffff:ffff", "fffe:ffff::", "::1"}) {
    CAPTURE(out);
    CHECK_FALSE(set.contains(addr(out)));
  }
  REQUIRE(set_of({"0.0.0.0/0"}).contains_v4(be32(0)));
  REQUIRE(set_of({"0.0.0.0/0"}).contains_v4(be32(UINT32_MAX)));
  REQUIRE(set_of({"::/0", "ffff::/16"}).contains(addr("8000::")));
}

TEST_CASE("a set agrees with its prefixes, whatever their order and overlap", "[packet]") {
  std::mt19937 engine(3);
  const auto random = [&] { return static_cast<std::uint32_t>(engine()); };
  for (int round = 0; round < 200; ++round) {
    std::vector<Prefix> prefixes;
    for (unsigned n = random() % 12; n > 0; --n) {
      // Few distinct bits, so that prefixes meet and nest; both families.
      const unsigned bits = 24 + random() % 9;
      const Address v4 = Address(be32(0xc0000200 | (random() & 0xffU)));
      prefixes.push_back({masked(v4, bits), bits});
      Address v6 = addr("2001:db8::");
      v6.bytes[14] = static_cast<std::uint8_t>(random() & 1U);
      v6.bytes[15] = static_cast<std::uint8_t>(random());
      prefixes.push_back({masked(v6, 96 + bits), 96 + bits});
    }
    const PrefixSet set(prefixes);
    for (unsigned i = 0; i < 64; ++i) {
      const Address v4 = Address(be32(0xc0000100 + (random() & 0x2ffU)));
      Address v6 = addr("2001:db8::");
      v6.bytes[14] = static_cast<std::uint8_t>(random() % 3);
      v6.bytes[15] = static_cast<std::uint8_t>(random());
      for (const Address& a : {v4, v6}) {
        CAPTURE(to_string(a));
        REQUIRE(set.contains(a) == std::any_of(prefixes.begin(), prefixes.end(),
                                               [&](const Prefix& p) { return p.contains(a); }));
      }
    }
  }
}
