// SPDX-License-Identifier: BSD-3-Clause
// Rule S-ICMP-5: what hosts do and what the box does in their place draw from the same rates.
#include <catch2/catch.hpp>

#include "../packet/craft.hpp"
#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

const std::string kLive = "203.0.113.10";
const std::string kLive6 = "2001:db8:1::10";

Policy rates_policy() {
  Policy p = plain_policy();
  p.admission = Policy::Admission::handshake;
  p.trust.evidence = Policy::Evidence::proof;
  p.reply.udp = Policy::UdpReply::unreachable;
  for (Service& s : p.services) s.echo = true;
  return p;
}

std::string dark(bool v6) {
  return v6 ? "2001:db8:1::77" : "203.0.113.77";
}
std::string source(bool v6, unsigned number) {
  return (v6 ? "2001:db8:fff" + std::to_string(number) + "::7"
             : "198.51.100." + std::to_string(number));
}

Probe echo(const std::string& from, const std::string& to) {
  Probe p{.source = from, .destination = to};
  p.protocol = to.find(':') == std::string::npos ? protocol::kIcmp : protocol::kIcmpv6;
  p.payload.assign(56, 'p');
  return p;
}

Probe datagram(const std::string& from, const std::string& to, std::uint16_t port) {
  Probe p{.source = from, .destination = to, .protocol = protocol::kUdp, .destination_port = port};
  p.payload.assign(100, 'q');
  return p;
}

/// The host's port unreachable about a datagram that reached it.
rte_mbuf* refusal(const Probe& about) {
  const Frame frame(about);
  const bool v6 = frame.packet.family == Family::v6;
  const std::size_t quoted = v6 ? 48 : 28;
  Probe p{.source = about.destination, .destination = about.source};
  p.protocol = v6 ? protocol::kIcmpv6 : protocol::kIcmp;
  p.payload.assign(frame.packet.data() + 14, frame.packet.data() + 14 + quoted);
  Craft c(p);
  c.put8(c.l4, v6 ? icmp6::kUnreachable : icmp4::kUnreachable);
  c.put8(c.l4 + 1, v6 ? icmp6::kCodePort : icmp4::kCodePort).put32(c.l4 + 4, 0);
  return c.sum_upper(p.protocol).frame();
}

}  // namespace

TEST_CASE("S-ICMP-5: as many echo requests are shed for a host as for nobody", "[chain][icmp]") {
  const bool v6 = GENERATE(false, true);
  Rig rig(rates_policy());
  const auto flood = [&](const std::string& from, const std::string& to) {
    unsigned reached = 0;
    for (unsigned i = 0; i < 250; ++i) {
      Probe p = echo(from, to);
      p.source_port = static_cast<std::uint16_t>(1 + i % 7);
      p.sequence = i;
      const Outcome o = rig.send(Side::outside, p);
      CHECK((o.end == "forward" || o.end == "answered" || o.end == "echo-rate"));
      reached += static_cast<unsigned>(o.passed.size() + o.answers.size());
    }
    return reached;
  };
  CHECK(flood(source(v6, 1), v6 ? kLive6 : kLive) == 100);
  CHECK(rig.ended(Reason::echo_rate) == 150);
  CHECK(flood(source(v6, 2), dark(v6)) == 100);
  CHECK(rig.ended(Reason::echo_rate) == 300);
  // What one takes the other has not; and a second later both have their rate.
  CHECK(flood(source(v6, 1), dark(v6)) == 0);
  CHECK(flood(source(v6, 2), v6 ? kLive6 : kLive) == 0);
  rig.wait(1s);
  CHECK(flood(source(v6, 1), dark(v6)) == 100);
  CHECK(flood(source(v6, 2), v6 ? kLive6 : kLive) == 100);
}

TEST_CASE("S-ICMP-5: requests over the rate are no evidence and meet no coin", "[chain][icmp]") {
  Policy policy = rates_policy();
  policy.trust.evidence = Policy::Evidence::attempt;
  policy.probability.drop = 1;
  policy.probability.retransmission = Policy::Retransmission::hold;
  Rig rig(policy);
  for (unsigned i = 0; i < 150; ++i) {
    Probe p = echo(source(false, 1), dark(false));
    p.source_port = static_cast<std::uint16_t>(i + 1);
    rig.send(Side::outside, p);
  }
  CHECK(rig.ended(Reason::coin) == 100);
  CHECK(rig.ended(Reason::echo_rate) == 50);
  CHECK(rig.level(source(false, 1)).number == 0);
}

TEST_CASE("S-ICMP-5: hosts' errors and forged ones share one rate", "[chain][icmp]") {
  const bool v6 = GENERATE(false, true);
  Rig rig(rates_policy());
  const std::string& live = v6 ? kLive6 : kLive;
  const auto asked = [&](unsigned number, std::uint16_t port) {
    const Probe probe = datagram(source(v6, number), live, port);
    Outcome o = rig.send(Side::outside, probe);
    if (o.end == "forward") {  // listed, but down
      Outcome error = rig.send(Side::inside, refusal(probe));
      CHECK(error.answers.empty());
      return error.passed.size();
    }
    return o.answers.size();
  };
  const auto flood = [&](unsigned number, std::uint16_t port) {
    std::size_t errors = 0;
    for (unsigned i = 0; i < 10; ++i) errors += asked(number, port);
    return errors;
  };
  CHECK(flood(1, 53) == 4);   // the host's
  CHECK(flood(2, 999) == 4);  // forged
  CHECK(rig.ended(Reason::icmp_error_rate) == 12);
  CHECK(flood(1, 999) == 0);
  CHECK(flood(2, 53) == 0);
  rig.wait(2s);
  CHECK(flood(1, 999) == 2);
  CHECK(flood(2, 53) == 2);
}

TEST_CASE("S-ICMP-5: without rates nothing is shed", "[chain][icmp]") {
  Policy policy = rates_policy();
  policy.normalise.echo_rate = policy.normalise.error_rate = 0;
  Rig rig(policy);
  for (unsigned i = 0; i < 300; ++i) {
    CHECK(rig.send(Side::outside, echo(source(false, 1), dark(false))).end == "answered");
    CHECK(rig.send(Side::outside, datagram(source(false, 1), dark(false), 9)).end == "answered");
  }
}

TEST_CASE("S-ICMP-5: a gateway's errors are not counted", "[chain][icmp]") {
  Policy policy = rates_policy();
  policy.gateways = {parse_address("203.0.113.1").value()};
  Rig rig(policy);
  Probe query{.source = kLive, .destination = "198.51.100.7", .protocol = protocol::kUdp};
  REQUIRE(rig.send(Side::inside, query).end == "forward");
  const auto errors = [&](const std::string& reporter) {
    const Frame sent(query);
    Probe p{.source = reporter, .destination = kLive, .protocol = protocol::kIcmp};
    p.payload.assign(sent.packet.data() + 14, sent.packet.data() + 14 + 28);
    Craft c(p);
    c.put8(c.l4, icmp4::kTimeExceeded).put32(c.l4 + 4, 0).sum_upper(protocol::kIcmp);
    std::size_t passed = 0;
    for (unsigned i = 0; i < 10; ++i) passed += rig.send(Side::outside, c.frame()).passed.size();
    return passed;
  };
  CHECK(errors("198.51.100.1") == 4);
  CHECK(errors("198.51.100.2") == 4);  // the next hop
  CHECK(errors("203.0.113.1") == 10);
}
