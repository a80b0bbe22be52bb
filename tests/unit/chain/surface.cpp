// SPDX-License-Identifier: BSD-3-Clause
// A sparse surface: what looks open, what closed, and what counts as evidence.
#include <catch2/catch.hpp>

#include "reply/surface.hpp"
#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr std::uint8_t kReset = tcp::kRst | tcp::kAck;

Policy sparse_policy(Policy::Admission admission = Policy::Admission::handshake) {
  Policy p = plain_policy();
  p.admission = admission;
  p.trust.evidence = Policy::Evidence::proof;
  p.reply.surface = Policy::Surface::sparse;
  p.reply.decoys = {{{1, 100}}, 0.5, 0};
  return p;
}

Probe syn_to(const std::string& address, std::uint16_t port) {
  Probe p;
  p.destination = address;
  p.destination_port = port;
  if (address.find(':') != address.npos) p.source = "2001:db8:ffff::7";
  return p;
}

/// The rig's own key.
bool decoy(const Policy& policy, const Probe& p) {
  return Surface(policy, Secrets::derive({3, 4}).surface)
      .decoy({parse_address(p.destination).value(), p.destination_port, protocol::kTcp});
}

/// What a SYN is met with: "open", "closed", the reason otherwise.
std::string met(Rig& rig, const Probe& p) {
  const Outcome o = rig.send(Side::outside, p);
  if (!o.passed.empty()) return "passed";
  if (o.answers.size() != 1) return o.end;
  const Seen& s = o.answers[0];
  CHECK(s.sound());
  CHECK(s.acknowledgement() == p.sequence + 1);
  if (s.flags() == kSynAck) return "open";
  CHECK(s.flags() == kReset);
  CHECK(s.sequence() == 0);
  CHECK(s.window() == 0);
  CHECK(s.tcp_options().empty());
  return "closed";
}

}  // namespace

TEST_CASE("Decoys look open, the rest closed, whoever lives there and whoever asks", "[sparse]") {
  const auto admission = GENERATE(Policy::Admission::handshake, Policy::Admission::forward);
  const Policy policy = sparse_policy(admission);
  Rig rig(policy);
  // A service's host, another live one, dark addresses.
  unsigned open = 0;
  for (const std::string address :
       {"203.0.113.10", "203.0.113.25", "203.0.113.77", "2001:db8:1::10", "2001:db8:1::77"})
    for (std::uint16_t port = 1; port <= 110; ++port) {
      if (address == "203.0.113.25" && port == 25) continue;
      Probe p = syn_to(address, port);
      const std::string wanted = decoy(policy, p) ? "open" : "closed";
      open += wanted == "open" ? 1U : 0U;
      CAPTURE(address, port);
      CHECK(met(rig, p) == wanted);
      CHECK(met(rig, p) == wanted);  // repeated
      p.source_port = 40001;
      p.sequence = 77;
      p.source = address.find(':') == address.npos ? "198.51.100.9" : "2001:db8:fff0::9";
      CHECK(met(rig, p) == wanted);
    }
  CHECK(open > 180);
  CHECK(open < 320);
  CHECK(rig.chain->reply().counters().resets > 0);
  CHECK(rig.chain->tracker().table(Family::v4).size() == 0);
}

TEST_CASE("A service looks as always, to distrusted sources too", "[sparse]") {
  Policy policy = sparse_policy();
  policy.reply.decoys = {{}, 0, 0};
  Rig rig(policy);
  CHECK(met(rig, syn_to("203.0.113.10", 443)) == "open");
  CHECK(met(rig, syn_to("203.0.113.25", 25)) == "open");
  CHECK(met(rig, syn_to("203.0.113.10", 444)) == "closed");
}

TEST_CASE("The coin comes first", "[sparse]") {
  Policy policy = sparse_policy();
  policy.probability.drop = 1;
  policy.probability.retransmission = Policy::Retransmission::hold;
  Rig rig(policy);
  for (std::uint16_t port = 1; port < 60; ++port)
    CHECK(met(rig, syn_to("203.0.113.77", port)) == "coin");
}

TEST_CASE("With an open surface nothing looks closed", "[sparse]") {
  Policy policy = sparse_policy();
  policy.reply.surface = Policy::Surface::open;
  Rig rig(policy);
  for (std::uint16_t port = 1; port < 60; ++port)
    CHECK(met(rig, syn_to("203.0.113.77", port)) == "open");
}

TEST_CASE("UDP and echo are as with an open surface", "[sparse]") {
  Rig rig(sparse_policy());
  Probe p = syn_to("203.0.113.77", 7);
  p.protocol = protocol::kUdp;
  p.payload.assign(60, 1);
  CHECK(rig.send(Side::outside, p).end == "reply-silent");
  p.protocol = protocol::kIcmp;
  CHECK(rig.send(Side::outside, p).end == "answered");
}

TEST_CASE("An attempt at a closed port counts where attempts count", "[sparse]") {
  struct Row {
    Policy::Evidence evidence;
    bool counts;
  };
  const Row row =
      GENERATE(Row{Policy::Evidence::proof, false}, Row{Policy::Evidence::weighted, true},
               Row{Policy::Evidence::attempt, true});
  Policy policy = sparse_policy(GENERATE(Policy::Admission::handshake, Policy::Admission::forward));
  policy.trust.evidence = row.evidence;
  policy.trust.light = Seconds(30);
  policy.reply.decoys = {{}, 0, 0};
  Rig rig(policy);
  CHECK(met(rig, syn_to("203.0.113.77", 80)) == "closed");
  CHECK(rig.level("198.51.100.7").number == (row.counts ? 1 : 0));
  CHECK_FALSE(rig.level("198.51.100.7").proven);
  // Diverted attempts restart nothing.
  const Time since = rig.level("198.51.100.7").since;
  rig.wait(std::chrono::seconds(5));
  CHECK(met(rig, syn_to("203.0.113.77", 81)) == "closed");
  CHECK(rig.level("198.51.100.7").since == since);
  // What is open still needs a proof where the box answers for all.
  if (policy.admission == Policy::Admission::handshake) {
    Probe service = syn_to("203.0.113.10", 443);
    service.source = "198.51.100.8";
    CHECK(met(rig, service) == "open");
    CHECK(rig.level("198.51.100.8").number == 0);
  }
}
