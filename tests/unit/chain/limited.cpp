// SPDX-License-Identifier: BSD-3-Clause
// Hosts that take less than the box has promised their clients: a smaller MSS, no SACK.
#include <catch2/catch.hpp>

#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr std::uint8_t A = tcp::kAck;
constexpr std::uint8_t PA = tcp::kPsh | tcp::kAck;
constexpr std::uint32_t kClient = 1000;
constexpr std::uint32_t kHost = 5000;

const Bytes kSack{1, 1, tcp::kOptionSackPermitted, 2};
/// MSS, window scale 7, and more.
Bytes offer(unsigned mss, const Bytes& more) {
  Bytes b{2, 4, static_cast<std::uint8_t>(mss >> 8U), static_cast<std::uint8_t>(mss), 1, 3, 3, 7};
  b.insert(b.end(), more.begin(), more.end());
  return b;
}

/// Everything by default but the coin.
Policy handshakes() {
  Policy p = plain_policy();
  p.admission = Policy::Admission::handshake;
  p.trust.evidence = Policy::Evidence::proof;
  p.normalise.headers = true;
  return p;
}

/// A client that the box has connected to a host.
struct Call {
  explicit Call(const Bytes& client_offers, const Bytes& host_offers, bool six = false,
                const Policy& policy = handshakes())
      : rig(policy), offers(host_offers) {
    client.source = host.destination = six ? "2001:db8:ffff::7" : "198.51.100.7";
    client.destination = host.source = six ? "2001:db8:1::10" : "203.0.113.10";
    host.source_port = 443;
    host.destination_port = 40000;
    std::swap(host.source_mac, host.destination_mac);
    client.options = client_offers;
    const Outcome o = say(client, tcp::kSyn, kClient, 0);
    client.options.clear();
    REQUIRE(o.answers.size() == 1);
    told = o.answers[0].sequence();
  }
  void connect(const std::string& early = {}) {
    REQUIRE(from_client(0, early).passed.size() == 1);
    answers();
  }
  Outcome answers() {
    host.options = offers;
    Outcome o = say(host, kSynAck, kHost, kClient + 1);
    host.options.clear();
    return o;
  }
  /// The host's first word: from now on both hear each other.
  void banner() {
    REQUIRE(say(host, PA, kHost + 1, kClient + 1, "hi").passed.size() == 1);
    said = 2;
  }
  /// Numbers count from the first octet of either.
  Outcome from_client(std::uint32_t at, const std::string& data, std::uint8_t flags = PA) {
    return say(client, data.empty() ? A : flags, kClient + 1 + at, told + 1 + said, data);
  }
  Outcome from_host(std::uint32_t acknowledged, const std::string& data = {}) {
    return say(host, data.empty() ? A : PA, kHost + 1 + said, kClient + 1 + acknowledged, data);
  }
  Outcome say(Probe& who, std::uint8_t flags, std::uint32_t sequence, std::uint32_t ack,
              const std::string& data = {}) {
    who.flags = flags;
    who.sequence = sequence;
    who.acknowledgement = ack;
    who.payload.assign(data.begin(), data.end());
    return rig.send(&who == &client ? Side::outside : Side::inside, who);
  }

  Rig rig;
  Bytes offers;
  Probe client;
  Probe host;
  std::uint32_t told = 0;
  std::uint32_t said = 0;  ///< octets of the host's
};

std::string payload(const Seen& s) {
  const std::size_t at = s.l4 + (s.u8(s.l4 + 12) >> 4U) * 4U;
  return {s.bytes.begin() + static_cast<std::ptrdiff_t>(at), s.bytes.end()};
}

/// What the host gets, put together; each segment sound, in order, and none longer than `mss`.
std::string arrived(const std::vector<Seen>& seen, std::uint32_t first, std::size_t mss) {
  std::string data;
  for (const Seen& s : seen) {
    CHECK(s.sound());
    CHECK(s.ttl() == 64);
    CHECK(s.sequence() == first + data.size());
    CHECK(s.acknowledgement() == seen[0].acknowledgement());
    CHECK(s.flags() == (&s == &seen.back() ? PA : A));
    CHECK(payload(s).size() <= mss);
    data += payload(s);
  }
  return data;
}

std::string letters(std::size_t count) {
  std::string s;
  for (std::size_t i = 0; i < count; ++i) s += static_cast<char>('a' + i % 26);
  return s;
}

/// The blocks of a segment of the host's, from the client's first octet.
std::vector<std::uint32_t> edges(const Seen& s) {
  std::vector<std::uint32_t> all;
  const std::size_t header = (s.u8(s.l4 + 12) >> 4U) * 4U;
  for (std::size_t at = 24; at < header; at += 4) all.push_back(s.u32(s.l4 + at) - kClient - 1);
  return all;
}

}  // namespace

TEST_CASE("A client's segments are split for a host with a smaller MSS", "[limited]") {
  const bool six = GENERATE(false, true);
  Call t(offer(1460, kSack), offer(1360, kSack), six);
  t.connect();
  t.banner();
  const std::string whole = letters(six ? 1440 : 1460);
  const Outcome o = t.from_client(0, whole);
  CHECK(o.end == "split");
  REQUIRE(o.passed.size() == 2);
  CHECK(arrived(o.passed, kClient + 1, 1360) == whole);
  const Outcome fits = t.from_client(1460, letters(1360));
  CHECK(fits.end == "forward");
  CHECK(fits.passed.size() == 1);
  // The other way everything is as it was.
  CHECK(t.from_host(1460, letters(1460)).end == "forward");
}

TEST_CASE("What the box has held for such a host is split as well, each time", "[limited]") {
  Call t(offer(1460, kSack), offer(536, kSack));
  const std::string whole = letters(1400);
  REQUIRE(t.from_client(0, whole).passed.size() == 1);  // the call
  const Outcome answered = t.answers();
  // Behind the SYN once more and the acknowledgement of the SYN/ACK.
  REQUIRE(answered.answers.size() == 5);
  CHECK(arrived({answered.answers.begin() + 2, answered.answers.end()}, kClient + 1, 536) == whole);
  CHECK(t.from_host(1400).end == "host-answered");
  // While the box speaks for the host it holds what it passes on.
  const Outcome more = t.from_client(1400, whole);
  CHECK(more.answers.size() == 1);
  CHECK(arrived(more.passed, kClient + 1401, 536) == whole);
  const Outcome again = t.rig.wait(std::chrono::milliseconds(600));
  CHECK(arrived(again.passed, kClient + 1401, 536) == whole);
  t.from_host(2800);
  CHECK(t.rig.wait(std::chrono::seconds(5)).passed.empty());
}

TEST_CASE("A host that takes what was promised gets segments whole, and so do all without the rule",
          "[limited]") {
  Policy policy = handshakes();
  policy.normalise.segments = GENERATE(false, true);
  Call t(offer(1460, kSack), offer(policy.normalise.segments ? 1460 : 1000, kSack), false, policy);
  t.connect();
  t.banner();
  CHECK(t.from_client(0, letters(1460)).end == "forward");
}

TEST_CASE("A path MTU error about a piece reaches its client, and narrows what follows",
          "[limited]") {
  const bool six = GENERATE(false, true);
  Call t(offer(1460, kSack), offer(1360, kSack), six);
  t.connect();
  t.banner();
  const Outcome o = t.from_client(0, letters(1440));
  REQUIRE(o.passed.size() == 2);
  // A router on the LAN says that the second piece was too long.
  const Seen& piece = o.passed[1];
  const Bytes quote = piece.part(piece.l3, piece.l4 + 8);
  Probe error;
  error.source = t.host.source;
  error.destination = t.client.source;
  error.source_mac = t.host.source_mac;
  error.destination_mac = t.host.destination_mac;
  error.protocol = six ? protocol::kIcmpv6 : protocol::kIcmp;
  error.payload = quote;
  Frame frame(error);
  std::uint8_t* const icmp = frame.packet.data() + frame.packet.l4;
  icmp[0] = six ? icmp6::kPacketTooBig : icmp4::kUnreachable;
  icmp[1] = six ? 0 : icmp4::kCodeFragmentationNeeded;
  icmp[2] = icmp[3] = icmp[4] = icmp[5] = 0;
  icmp[6] = 1300 >> 8;
  icmp[7] = 1300 & 0xff;
  const auto length = static_cast<std::size_t>(frame.packet.end - frame.packet.l4);
  Bytes covered = six ? Bytes(frame.packet.data() + frame.packet.l3 + 8, icmp) : Bytes{};
  if (six)
    for (const std::size_t byte : {std::size_t{0}, std::size_t{0}, length >> 8U, length & 0xffU,
                                   std::size_t{0}, std::size_t{0}, std::size_t{0}, std::size_t{58}})
      covered.push_back(static_cast<std::uint8_t>(byte));
  covered.insert(covered.end(), icmp, icmp + length);
  const std::uint16_t sum = plain_checksum(covered);
  icmp[2] = static_cast<std::uint8_t>(sum >> 8U);
  icmp[3] = static_cast<std::uint8_t>(sum);
  const Outcome passed = t.rig.send(Side::inside, std::exchange(frame.packet.frame, nullptr));
  CHECK(passed.end == "forward");
  REQUIRE(passed.passed.size() == 1);
  CHECK(passed.passed[0].part(passed.passed[0].l4 + 8, passed.passed[0].bytes.size()) == quote);
  // What the client sends all the same is cut to fit: 1300 bytes of IP.
  const std::string more = letters(1440);
  const Outcome cut = t.from_client(1440, more);
  REQUIRE(cut.passed.size() == 2);
  CHECK(cut.passed[0].ip_length() == 1300);
  CHECK(arrived(cut.passed, kClient + 1441, static_cast<std::uint16_t>(six ? 1240 : 1260)) == more);
}

TEST_CASE("A host without SACK is given what its client was promised", "[limited]") {
  const bool six = GENERATE(false, true);
  Call t(offer(1460, kSack), offer(1460, {}), six);
  t.connect();
  t.banner();
  const std::string one = letters(100);
  t.from_client(0, one);
  t.from_client(200, one);
  const Outcome o = t.from_host(100);
  REQUIRE(o.passed.size() == 1);
  CHECK(o.passed[0].sound());
  CHECK(o.passed[0].ttl() == 128);
  CHECK(edges(o.passed[0]) == std::vector<std::uint32_t>{200, 300});
  t.from_client(400, one);
  CHECK(edges(t.from_host(100).passed.at(0)) == std::vector<std::uint32_t>{400, 500, 200, 300});
  t.from_client(100, one);
  CHECK(edges(t.from_host(300).passed.at(0)) == std::vector<std::uint32_t>{400, 500});
  t.from_client(300, one);
  CHECK(edges(t.from_host(500).passed.at(0)).empty());
  CHECK(t.rig.chain->sacks().written == 3);
}

TEST_CASE("Nothing is acknowledged that did not leave, and nothing nobody asked for", "[limited]") {
  const std::string one = letters(100);
  SECTION("the port refused it") {
    Call t(offer(1460, kSack), offer(1460, {}));
    t.connect();
    t.banner();
    t.from_client(0, one);
    // A port that takes nothing, and a queue that is full.
    t.rig.takes = std::uint16_t{0};
    for (std::size_t i = 0; i < Transmit::kQueue; ++i) t.from_client(0, one);
    t.from_client(200, one);
    t.rig.takes.reset();
    t.rig.wait(std::chrono::milliseconds(1));
    t.from_client(400, one);
    CHECK(edges(t.from_host(100).passed.at(0)) == std::vector<std::uint32_t>{400, 500});
  }
  SECTION("the host has SACK of its own, the client none, or the policy none") {
    Policy policy = handshakes();
    const int who = GENERATE(0, 1, 2);
    policy.normalise.sack = who != 2;
    Call t(offer(1460, who == 1 ? Bytes{} : kSack), offer(1460, who == 0 ? kSack : Bytes{}), false,
           policy);
    t.connect();
    t.banner();
    t.from_client(0, one);
    t.from_client(200, one);
    CHECK(edges(t.from_host(100).passed.at(0)).empty());
  }
}
