// SPDX-License-Identifier: BSD-3-Clause
#include "packet/parse.hpp"

#include <catch2/catch.hpp>
#include <optional>

#include "craft.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

/// A frame that has been through parse_frame.
class Parsed {
 public:
  explicit Parsed(rte_mbuf* frame) {
    packet.frame = frame;
    why = parse_frame(packet);
  }
  explicit Parsed(const Craft& craft) : Parsed(craft.frame()) {}
  ~Parsed() { release(packet.frame); }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;

  [[nodiscard]] Bytes bytes() const {
    return {packet.data(), packet.data() + packet.frame->data_len};
  }

  Packet packet;
  std::optional<Reason> why;
};

/// What is left unless parse writes it.
void check_rest_untouched(const Packet& p) {
  const Packet fresh;
  CHECK(p.verdict == fresh.verdict);
  CHECK(p.klass == fresh.klass);
  CHECK(p.standing == fresh.standing);
  CHECK(p.fragment == fresh.fragment);
  CHECK(p.tcp_flags == 0);
  CHECK(p.payload == 0);
  CHECK(p.source_port == 0);
  CHECK(p.destination_port == 0);
  CHECK(p.sequence == 0);
  CHECK(p.acknowledgement == 0);
  CHECK(p.window == 0);
  CHECK(p.connection == -1);
  CHECK(p.key == fresh.key);
}

constexpr std::uint8_t kProtocols[] = {protocol::kTcp, protocol::kUdp, protocol::kIcmp,
                                       protocol::kIcmpv6, 47};

}  // namespace

TEST_CASE("parse: fields of each family, protocol and number of tags", "[parse]") {
  const bool v6 = GENERATE(false, true);
  const unsigned tags = GENERATE(0U, 1U, 2U);
  for (const std::uint8_t protocol : kProtocols) {
    CAPTURE(v6, tags, +protocol);
    Probe probe = probe_between(v6, Side::outside);
    probe.tags = tags;
    probe.protocol = protocol;
    probe.payload.assign(33, 0x5a);
    Craft craft(probe);
    const std::size_t end = craft.bytes.size();
    craft.resize(end + 17);  // what stands behind the datagram is not part of it
    const Parsed parsed(craft);
    const Packet& p = parsed.packet;
    REQUIRE_FALSE(parsed.why);
    CHECK(p.tags == tags);
    CHECK(p.ether_type == (v6 ? 0x86dd : 0x0800));
    CHECK(p.family == (v6 ? Family::v6 : Family::v4));
    CHECK(p.protocol == protocol);
    CHECK(p.l3 == 14 + 4 * tags);
    CHECK(p.l4 == p.l3 + (v6 ? 40 : 20));
    CHECK(p.end == end);
    CHECK(to_string(p.source()) == probe.source);
    CHECK(to_string(p.destination()) == probe.destination);
    CHECK(parsed.bytes() == craft.bytes);
    check_rest_untouched(p);
  }
}

TEST_CASE("parse: a frame cut at every length", "[parse]") {
  const bool v6 = GENERATE(false, true);
  const unsigned tags = GENERATE(0U, 1U, 2U);
  for (const std::uint8_t protocol : kProtocols) {
    Probe probe = probe_between(v6, Side::outside);
    probe.tags = tags;
    probe.protocol = protocol;
    probe.payload.assign(5, 0x5a);
    const Craft whole(probe);
    for (std::size_t length = 0; length <= whole.bytes.size(); ++length) {
      CAPTURE(v6, tags, +protocol, length);
      const Parsed parsed(Craft(whole).resize(length));
      if (length == whole.bytes.size()) {
        REQUIRE_FALSE(parsed.why);
        continue;
      }
      REQUIRE(parsed.why);
      CHECK(*parsed.why == (length < whole.l3 ? Reason::frame_truncated
                            : v6              ? Reason::ip6_header
                                              : Reason::ip4_header));
      CHECK(parsed.packet.family == Family::none);
      CHECK(parsed.packet.end == 0);
    }
  }
}

TEST_CASE("parse: an IPv4 header that lies", "[parse]") {
  const Craft sound(probe_between(false, Side::outside));
  const auto length = static_cast<unsigned>(sound.bytes.size() - sound.l3);
  REQUIRE(length == 40);
  struct Row {
    const char* what;
    unsigned version_ihl, total;
    bool fits;
  };
  const Row row = GENERATE_COPY(
      Row{"sound", 0x45, length, true}, Row{"version 0", 0x05, length, false},
      Row{"version 6", 0x65, length, false}, Row{"version 5", 0x55, length, false},
      Row{"header of 0", 0x40, length, false}, Row{"header of 16", 0x44, length, false},
      Row{"header as long as the datagram", 0x4a, length, true},
      Row{"header longer than the datagram", 0x4b, length, false},
      Row{"header longer than the length says", 0x46, 20, false}, Row{"length 0", 0x45, 0, false},
      Row{"length below the header", 0x45, 19, false},
      Row{"nothing but the header", 0x45, 20, true}, Row{"one byte less", 0x45, length - 1, true},
      Row{"one byte more", 0x45, length + 1, false}, Row{"the longest", 0x45, 65535, false});
  CAPTURE(row.what);
  const Parsed parsed(Craft(sound).put8(sound.l3, row.version_ihl).put16(sound.l3 + 2, row.total));
  REQUIRE(parsed.why.has_value() != row.fits);
  if (!row.fits) {
    CHECK(*parsed.why == Reason::ip4_header);
    CHECK(parsed.packet.family == Family::none);
    return;
  }
  CHECK(parsed.packet.l4 == parsed.packet.l3 + (row.version_ihl & 15U) * 4U);
  CHECK(parsed.packet.end == parsed.packet.l3 + row.total);
}

TEST_CASE("parse: an IPv6 header that lies", "[parse]") {
  const Craft sound(probe_between(true, Side::outside));
  const auto length = static_cast<unsigned>(sound.bytes.size() - sound.l3 - 40);
  struct Row {
    const char* what;
    unsigned version, payload, next;
    bool fits;
  };
  const Row row = GENERATE_COPY(
      Row{"sound", 0x60, length, 6, true}, Row{"version 4", 0x40, length, 6, false},
      Row{"version 7", 0x70, length, 6, false}, Row{"one byte less", 0x60, length - 1, 6, true},
      Row{"one byte more", 0x60, length + 1, 6, false}, Row{"the longest", 0x60, 65535, 6, false},
      Row{"no payload", 0x60, 0, 6, true}, Row{"Hop-by-Hop", 0x60, length, 0, true},
      Row{"jumbogram (RFC 2675)", 0x60, 0, 0, false});
  CAPTURE(row.what);
  Craft craft(sound);
  craft.put8(craft.l3, row.version).put16(craft.l3 + 4, row.payload).put8(craft.l3 + 6, row.next);
  const Parsed parsed(craft);
  REQUIRE(parsed.why.has_value() != row.fits);
  if (!row.fits) {
    CHECK(*parsed.why == Reason::ip6_header);
    CHECK(parsed.packet.family == Family::none);
    return;
  }
  CHECK(parsed.packet.protocol == row.next);
  CHECK(parsed.packet.l4 == parsed.packet.l3 + 40);
  CHECK(parsed.packet.end == parsed.packet.l4 + row.payload);
}

TEST_CASE("parse: tags of every kind, and one too many", "[parse]") {
  const Craft plain(probe_between(false, Side::outside));
  const auto tagged = [&](const std::vector<unsigned>& types) {
    Craft c(plain);
    for (std::size_t i = types.size(); i-- > 0;) {
      c.insert(12, {0, 0, 0x20, static_cast<std::uint8_t>(i)}).put16(12, types[i]);
    }
    return c;
  };
  struct Row {
    std::vector<unsigned> types;
    std::optional<Reason> why;
  };
  const Row row =
      GENERATE_COPY(Row{{0x8100}, {}}, Row{{0x88a8}, {}}, Row{{0x9100}, {}},
                    Row{{0x88a8, 0x8100}, {}}, Row{{0x9100, 0x8100}, {}}, Row{{0x8100, 0x8100}, {}},
                    Row{{0x8100, 0x88a8}, {}}, Row{{0x8100, 0x8100, 0x8100}, Reason::vlan_depth},
                    Row{{0x88a8, 0x8100, 0x88a8, 0x8100}, Reason::vlan_depth});
  const Parsed parsed(tagged(row.types));
  REQUIRE(parsed.why == row.why);
  if (row.why) return;
  CHECK(parsed.packet.tags == row.types.size());
  CHECK(parsed.packet.l3 == 14 + 4 * row.types.size());
  CHECK(parsed.packet.ether_type == 0x0800);
  CHECK(parsed.bytes() == tagged(row.types).bytes);
}

TEST_CASE("parse: what is not IP is read up to its type", "[parse]") {
  const unsigned type = GENERATE(0x0806U, 0x88ccU, 0x8809U, 0x8808U, 0x0026U, 0x8863U, 0U, 0xffffU);
  const std::size_t length = GENERATE(14U, 15U, 60U);
  const bool tagged = GENERATE(false, true);
  Craft craft(probe_between(false, Side::outside));
  craft.put16(12, type);
  if (tagged) craft.insert(12, {0x81, 0, 0, 5});
  const Parsed parsed(craft.resize(length + (tagged ? 4 : 0)));
  REQUIRE_FALSE(parsed.why);
  CHECK(parsed.packet.ether_type == type);
  CHECK(parsed.packet.family == Family::none);
  CHECK(parsed.packet.tags == (tagged ? 1 : 0));
  CHECK(parsed.packet.l4 == 0);
  CHECK(parsed.packet.end == 0);
  check_rest_untouched(parsed.packet);
}

TEST_CASE("parse: the quote in an ICMP error is its payload, whatever it says", "[parse]") {
  const bool v6 = GENERATE(false, true);
  const Craft quoted(probe_between(v6, Side::inside));
  Probe probe = probe_between(v6, Side::outside);
  probe.protocol = v6 ? protocol::kIcmpv6 : protocol::kIcmp;
  probe.payload.assign(quoted.bytes.begin() + static_cast<std::ptrdiff_t>(quoted.l3),
                       quoted.bytes.end());
  // The quoted header claims more than the quote holds, as truncated quotes do.
  probe.payload.at(v6 ? 4 : 2) = 0xff;
  Craft craft(probe);
  craft.put8(craft.l4, v6 ? 1 : 3);
  const Parsed parsed(craft);
  REQUIRE_FALSE(parsed.why);
  CHECK(parsed.packet.protocol == probe.protocol);
  CHECK(parsed.packet.l4 == craft.l4);
  CHECK(parsed.packet.end == craft.bytes.size());
  CHECK(to_string(parsed.packet.source()) == probe.source);
  CHECK(parsed.packet.icmp().type == (v6 ? 1 : 3));
}

TEST_CASE("parse: IPv6 extension headers are left to the Scrubber", "[parse]") {
  const std::uint8_t type = GENERATE(as<std::uint8_t>(), 0, 43, 44, 60);
  Craft craft(probe_between(true, Side::outside));
  craft.extend(type, Bytes(8));
  const Parsed parsed(craft);
  REQUIRE_FALSE(parsed.why);
  CHECK(parsed.packet.protocol == type);
  CHECK(parsed.packet.l4 == parsed.packet.l3 + 40);
  CHECK(parsed.packet.fragment == Fragment::none);
}
