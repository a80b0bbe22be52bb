// SPDX-License-Identifier: BSD-3-Clause
// What becomes of attempts, conversations and probes on their way through all rooms.
#include <catch2/catch.hpp>

#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

Probe to(const std::string& destination, std::uint16_t port = 443, std::uint16_t from = 40000) {
  Probe p;
  p.destination = destination;
  if (destination.find(':') != std::string::npos) p.source = "2001:db8:ffff::7";
  p.destination_port = port;
  p.source_port = from;
  return p;
}

/// The host's answer to `p`.
Probe answer(const Probe& p, std::uint8_t flags, std::uint32_t sequence, std::uint32_t ack) {
  Probe a = p;
  std::swap(a.source, a.destination);
  std::swap(a.source_port, a.destination_port);
  std::swap(a.source_mac, a.destination_mac);
  a.flags = flags;
  a.sequence = sequence;
  a.acknowledgement = ack;
  return a;
}

Probe segment(Probe p, std::uint8_t flags, std::uint32_t sequence, std::uint32_t ack,
              std::size_t size = 0) {
  p.flags = flags;
  p.sequence = sequence;
  p.acknowledgement = ack;
  p.payload.assign(size, 'x');
  return p;
}

/// Opens a connection to a service up to established.
void establish(Rig& rig, const Probe& syn) {
  REQUIRE(rig.send(Side::outside, syn).end == "forward");
  REQUIRE(rig.send(Side::inside, answer(syn, kSynAck, 5000, syn.sequence + 1)).end == "forward");
  REQUIRE(rig.send(Side::outside, segment(syn, tcp::kAck, syn.sequence + 1, 5001)).end ==
          "forward");
}

bool alive(Rig& rig, const Probe& syn) {
  return rig.send(Side::outside, segment(syn, tcp::kAck, syn.sequence + 1, 5001)).end == "forward";
}

/// Nothing left the box in answer.
bool silent(const Outcome& o) {
  return o.answers.empty();
}

}  // namespace

TEST_CASE("chain: after the first illegitimate SYN of a burst all others are diverted",
          "[chain][verdicts]") {
  Rig rig;
  std::vector<Probe> probes;
  for (std::uint16_t i = 0; i < 64; ++i) probes.push_back(to("203.0.113.10", 443, 1000 + i));
  probes[20].destination_port = 80;
  const Outcome o = rig.burst(Side::outside, probes);
  CHECK(o.passed.size() == 20);
  CHECK(o.answers.size() == 44);
  const Trust::Counters& c = rig.chain->trust().counters();
  CHECK(c.unproven == 1);
  CHECK(c.passed[0] == 21);
  CHECK(c.diverted[1] == 43);
  CHECK(rig.level("198.51.100.7").number == 1);
  CHECK_FALSE(rig.level("198.51.100.7").proven);
}

TEST_CASE("chain: a forged conversation from SYN to FIN", "[chain][verdicts]") {
  const std::string host = GENERATE("203.0.113.77", "203.0.113.10", "2001:db8:1::77");
  const unsigned tags = GENERATE(0U, 1U, 2U);
  CAPTURE(host, tags);
  Policy policy = plain_policy();
  policy.trust.evidence = Policy::Evidence::weighted;
  Rig rig(policy);
  Probe syn = to(host, 80);
  syn.tags = tags;
  const Outcome first = rig.send(Side::outside, syn);
  CHECK(first.end == "answered");
  REQUIRE(first.answers.size() == 1);
  const Seen& reply = first.answers[0];
  CHECK(reply.sound());
  CHECK(reply.flags() == kSynAck);
  CHECK(reply.acknowledgement() == 1001);
  CHECK(reply.l3 == 14 + 4 * tags);
  // Its own tags, MACs swapped.
  rte_mbuf* const asked = frame_of(syn);
  const Bytes head(rte_pktmbuf_mtod(asked, const std::uint8_t*),
                   rte_pktmbuf_mtod(asked, const std::uint8_t*) + reply.l3);
  rte_pktmbuf_free(asked);
  CHECK(reply.part(12, reply.l3) == Bytes(head.begin() + 12, head.end()));
  CHECK(reply.part(0, 6) == Bytes(head.begin() + 6, head.begin() + 12));
  CHECK(reply.part(6, 12) == Bytes(head.begin(), head.begin() + 6));
  CHECK(rig.level(syn.source).number == 1);
  CHECK_FALSE(rig.level(syn.source).proven);

  const std::uint32_t isn = reply.sequence();
  Outcome o = rig.send(Side::outside, segment(syn, tcp::kAck, 1001, isn + 1));
  CHECK(o.end == "conversation");
  CHECK(silent(o));
  CHECK(rig.level(syn.source).proven);
  CHECK(rig.chain->trust().proven_sources() == 1);
  o = rig.send(Side::outside, segment(syn, tcp::kAck, 1001, isn + 1, 100));
  CHECK(o.end == "answered");
  REQUIRE(o.answers.size() == 1);
  CHECK(o.answers[0].flags() == tcp::kAck);
  CHECK(o.answers[0].acknowledgement() == 1101);
  o = rig.send(Side::outside, segment(syn, kFinAck, 1101, isn + 1));
  REQUIRE(o.answers.size() == 1);
  CHECK(o.answers[0].flags() == tcp::kAck);
  CHECK(o.answers[0].acknowledgement() == 1102);
  o = rig.wait(std::chrono::milliseconds(25));
  REQUIRE(o.answers.size() == 1);
  CHECK(o.answers[0].sound());
  CHECK(o.answers[0].flags() == kFinAck);
  CHECK(o.answers[0].l3 == 14 + 4 * tags);
  CHECK(o.answers[0].acknowledgement() == 1102);
  o = rig.send(Side::outside, segment(syn, tcp::kAck, 1102, isn + 2));
  CHECK(o.end == "conversation");
  CHECK(silent(o));
  CHECK(rig.chain->counters().forwarded[index(Side::inside)].get() == 0);
}

TEST_CASE("chain: a spoofed source proves nothing", "[chain][verdicts]") {
  Policy policy = plain_policy();
  policy.trust.evidence = GENERATE(Policy::Evidence::attempt, Policy::Evidence::weighted);
  Rig rig(policy);
  const Probe syn = to("203.0.113.77", 80);
  const Outcome o = rig.send(Side::outside, syn);
  const std::uint32_t isn = o.answers.at(0).sequence();
  for (const std::uint32_t off : {0U, 2U, 0x80000000U, 0x10000U, 0xfffffffeU}) {
    const Outcome a = rig.send(Side::outside, segment(syn, tcp::kAck, 1001, isn + off));
    CHECK(a.end == "no-connection");
    CHECK(silent(a));
    // Nor with the right acknowledgement, but another number of its own.
    CHECK(rig.send(Side::outside, segment(syn, tcp::kAck, 1002 + off, isn + 1)).end ==
          "no-connection");
  }
  for (const std::uint8_t flags : {tcp::kRst, kSynAck})
    CHECK(rig.send(Side::outside, segment(syn, flags, 1001, isn + 1)).end == "no-connection");
  // The cookie of another flow.
  CHECK(rig.send(Side::outside, segment(to("203.0.113.77", 81), tcp::kAck, 1001, isn + 1)).end ==
        "no-connection");
  CHECK(rig.chain->trust().proven_sources() == 0);
  CHECK(rig.chain->reply().conversations() == 0);
  CHECK_FALSE(rig.level(syn.source).proven);
}

TEST_CASE("chain: stealth probes get no answer, in grace neither", "[chain][verdicts]") {
  Policy policy = plain_policy();
  policy.timeouts.grace = Seconds(GENERATE(0, 7200));
  Rig rig(policy);
  // A live host, as the box knows from its traffic.
  rig.send(Side::inside, segment(answer(to("203.0.113.10", 7), tcp::kSyn, 1, 0), tcp::kSyn, 1, 0));
  const std::uint8_t F = tcp::kFin, A = tcp::kAck, P = tcp::kPsh, U = tcp::kUrg;
  struct {
    std::uint8_t flags;
    const char* end;
  } const rows[] = {
      {0, "tcp-flags"},
      {F, "tcp-flags"},
      {static_cast<std::uint8_t>(F | P | U), "tcp-flags"},
      {static_cast<std::uint8_t>(F | A), "no-connection"},
      {tcp::kRst, "no-connection"},
      {kSynAck, "no-connection"},
  };
  for (const std::string host : {"203.0.113.10", "203.0.113.77"}) {
    for (const std::uint16_t port : {std::uint16_t{443}, std::uint16_t{80}}) {
      for (const auto& row : rows) {
        const Outcome o = rig.send(Side::outside, segment(to(host, port), row.flags, 77, 88));
        CAPTURE(host, port, int{row.flags});
        CHECK(o.end == row.end);
        CHECK(silent(o));
        CHECK(o.passed.empty());
      }
      // ACK and window scans: in grace towards a live host, which refuses in vain.
      const Probe ack = segment(to(host, port), A, 77, 88);
      const Outcome o = rig.send(Side::outside, ack);
      CHECK(silent(o));
      if (o.end == "forward") {
        CHECK(host == "203.0.113.10");
        CHECK(rig.send(Side::inside, answer(ack, tcp::kRst, 88, 0)).end == "provisional-reset");
      } else {
        CHECK(o.end == "no-connection");
      }
    }
  }
  CHECK(rig.level("198.51.100.7").number == 0);
}

TEST_CASE("chain: a coin of 0 lets all pass, of 1 none", "[chain][verdicts]") {
  const bool hold = GENERATE(true, false);
  Policy policy = plain_policy();
  policy.probability.retransmission =
      hold ? Policy::Retransmission::hold : Policy::Retransmission::admit;
  policy.probability.drop = 1;
  Rig rig(policy);
  const Probe syn = to("203.0.113.10");
  CHECK(rig.send(Side::outside, syn).end == "coin");
  CHECK(rig.send(Side::outside, syn).end == (hold ? "coin" : "coin-repeat"));
  rig.wait(1s);
  // A genuine client repeats its SYN after a second.
  CHECK(rig.send(Side::outside, syn).end == (hold ? "coin" : "forward"));
  // Public services are not drawn.
  CHECK(rig.send(Side::outside, to("203.0.113.25", 25)).end == "forward");

  policy.probability.drop = 0;
  Rig open(policy);
  for (std::uint16_t port = 1; port < 500; ++port)
    CHECK(open.send(Side::outside, to("203.0.113.10", 443, port)).end == "forward");
}

TEST_CASE("chain: connections go on while their source is distrusted", "[chain][verdicts]") {
  const std::string host = GENERATE("203.0.113.10", "2001:db8:1::10");
  Rig rig;
  const Probe syn = to(host);
  establish(rig, syn);
  CHECK(rig.send(Side::outside, to(host, 81)).end == "answered");
  CHECK(rig.level(syn.source).number == 1);
  CHECK(alive(rig, syn));
  CHECK(rig.send(Side::inside, answer(syn, tcp::kAck, 5001, 1001)).end == "forward");
  // New ones are diverted, public ones are not.
  CHECK(rig.send(Side::outside, to(host, 443, 41000)).end == "answered");
  CHECK(rig.send(Side::outside, to("203.0.113.25", 25)).end == "forward");

  // The LAN reaches that source, and its answers come in.
  const Probe out = segment(answer(to(host, 50000, 22), tcp::kSyn, 9000, 0), tcp::kSyn, 9000, 0);
  CHECK(rig.send(Side::inside, out).end == "forward");
  CHECK(rig.send(Side::outside, answer(out, kSynAck, 100, 9001)).end == "forward");
  CHECK(rig.send(Side::inside, segment(out, tcp::kAck, 9001, 101)).end == "forward");
}

TEST_CASE("chain: no answer where one would harm", "[chain][verdicts]") {
  Rig rig;
  struct {
    const char* what;
    const char* source;
    const char* destination;
    const char* end;
  } const rows[] = {
      {"multicast source", "224.0.0.5", "203.0.113.77", "ip-martian"},
      {"loopback", "127.0.0.1", "203.0.113.77", "ip-martian"},
      {"link-local", "169.254.1.1", "203.0.113.77", "ip-martian"},
      {"unspecified", "0.0.0.0", "203.0.113.77", "ip-martian"},
      {"limited broadcast", "255.255.255.255", "203.0.113.77", "ip-martian"},
      {"directed broadcast", "198.51.100.7", "203.0.113.255", "ip-broadcast"},
      {"multicast", "198.51.100.7", "224.0.0.1", "forward"},
      {"hairpin", "203.0.113.5", "203.0.113.77", "hairpin"},
      {"itself", "203.0.113.77", "203.0.113.77", "hairpin"},
      {"multicast source, v6", "ff02::1", "2001:db8:1::77", "ip-martian"},
      {"unspecified, v6", "::", "2001:db8:1::77", "ip-martian"},
      {"loopback, v6", "::1", "2001:db8:1::77", "ip-martian"},
      {"multicast, v6", "2001:db8:ffff::7", "ff02::1", "forward"},
  };
  for (const auto& row : rows) {
    for (const std::uint8_t protocol : {protocol::kTcp, protocol::kUdp, protocol::kIcmp}) {
      CAPTURE(row.what, int{protocol});
      Probe p;
      p.source = row.source;
      p.destination = row.destination;
      p.protocol = protocol;
      if (protocol == protocol::kIcmp && p.source.find(':') != std::string::npos)
        p.protocol = protocol::kIcmpv6;
      const Outcome o = rig.send(Side::outside, p);
      CHECK(o.end == row.end);
      CHECK(silent(o));
    }
  }
  Probe group = to("203.0.113.77", 80);
  group.source_mac = {{0x03, 0, 0, 0, 0, 1}};
  CHECK(rig.send(Side::outside, group).end == "reply-refused");
  group = to("203.0.113.77", 80, 40001);
  group.destination_mac = kBroadcastMac;
  CHECK(rig.send(Side::outside, group).end == "reply-refused");
}

TEST_CASE("chain: echo and UDP, to who lives and who does not", "[chain][verdicts]") {
  Policy policy = plain_policy();
  const bool unreachable = GENERATE(false, true);
  policy.reply.udp = unreachable ? Policy::UdpReply::unreachable : Policy::UdpReply::silent;
  Rig rig(policy);
  for (const std::string host :
       {"203.0.113.10", "203.0.113.77", "2001:db8:1::10", "2001:db8:1::77"}) {
    CAPTURE(host, unreachable);
    Probe echo = to(host);
    echo.protocol = host.find(':') == std::string::npos ? protocol::kIcmp : protocol::kIcmpv6;
    echo.payload.assign(56, 'p');
    Outcome o = rig.send(Side::outside, echo);
    CHECK(o.end == "answered");
    REQUIRE(o.answers.size() == 1);
    CHECK(o.answers[0].sound());
    CHECK(o.answers[0].u8(o.answers[0].l4) == (o.answers[0].v6 ? 129U : 0U));
    CHECK(o.passed.empty());

    Probe udp = to(host, 999);
    udp.protocol = protocol::kUdp;
    udp.payload.assign(100, 'q');
    o = rig.send(Side::outside, udp);
    CHECK(o.end == (unreachable ? "answered" : "reply-silent"));
    CHECK(o.answers.size() == (unreachable ? 1 : 0));
    udp.payload.clear();  // an error would be longer than what asked
    udp.source_port = 40001;
    CHECK(rig.send(Side::outside, udp).end == "reply-silent");
  }
}

TEST_CASE("chain: hairpin passes between a gateway's MACs when the policy says so",
          "[chain][verdicts]") {
  Policy policy = plain_policy();
  policy.gateways = {parse_address("203.0.113.1").value()};
  policy.hairpin = Policy::Hairpin::pass;
  Rig rig(policy);
  Probe p = to("203.0.113.77", 80);
  p.source = "203.0.113.5";
  CHECK(rig.send(Side::outside, p).end == "hairpin");  // its MAC is not yet a gateway's
  Probe ping = to("203.0.113.77");
  ping.source = "203.0.113.1";
  ping.protocol = protocol::kIcmp;
  CHECK(rig.send(Side::outside, ping).end == "forward");
  CHECK(rig.send(Side::outside, p).end == "forward");
  p.source_mac = {{2, 9, 9, 9, 9, 9}};
  CHECK(rig.send(Side::outside, p).end == "hairpin");
}

TEST_CASE("chain: a service whose host is gone answers as a dark address", "[chain][verdicts]") {
  Policy policy = plain_policy();
  policy.gateways = {parse_address("203.0.113.1").value()};
  policy.neighbours.answer_dark = {parse_prefix("203.0.113.8/29").value()};
  Rig rig(policy);
  // The router has the box's own MAC for this host.
  Probe syn = to("203.0.113.10");
  syn.destination_mac = {{2, 0, 0, 0, 0xb0, 0xb0}};
  const Outcome o = rig.send(Side::outside, syn);
  CHECK(o.end == "answered");
  REQUIRE(o.answers.size() == 1);
  CHECK(o.answers[0].flags() == kSynAck);
  CHECK(o.passed.empty());
  CHECK(rig.level(syn.source).number == 0);
  // It is no evidence when its handshake is completed either.
  CHECK(rig.send(Side::outside, segment(syn, tcp::kAck, 1001, o.answers[0].sequence() + 1)).end ==
        "conversation");
  CHECK(rig.level(syn.source).number == 0);
  CHECK(rig.chain->tracker().table(Family::v4).size() == 0);
  Probe udp = syn;
  udp.protocol = protocol::kUdp;
  udp.destination_port = 53;
  CHECK(rig.send(Side::outside, udp).end == "reply-silent");

  // It comes back: accepted, and the frame goes to its own MAC.
  Probe hello = answer(to("203.0.113.10", 7), tcp::kSyn, 1, 0);
  hello.source_mac = {{2, 0, 0, 0, 0, 0x10}};
  rig.send(Side::inside, hello);
  syn.source_port = 40001;
  const Outcome back = rig.send(Side::outside, syn);
  CHECK(back.end == "forward");
  REQUIRE(back.passed.size() == 1);
  CHECK(back.passed[0].part(0, 6) == Bytes{2, 0, 0, 0, 0, 0x10});
}

TEST_CASE("chain: late datagrams of whom the LAN asked are no evidence", "[chain][verdicts]") {
  const std::string host = GENERATE("203.0.113.10", "2001:db8:1::10");
  Rig rig;
  Probe query = answer(to(host, 5353, 53), 0, 0, 0);
  query.protocol = protocol::kUdp;
  REQUIRE(rig.send(Side::inside, query).end == "forward");
  rig.wait(35s);
  Probe late = to(host, 5353, 53);
  late.protocol = protocol::kUdp;
  CHECK(rig.send(Side::outside, late).end == "reply-silent");
  CHECK(rig.level(late.source).number == 0);
  rig.wait(10min);
  CHECK(rig.send(Side::outside, late).end == "reply-silent");
  CHECK(rig.level(late.source).number == 1);
}
