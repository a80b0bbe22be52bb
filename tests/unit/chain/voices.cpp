// SPDX-License-Identifier: BSD-3-Clause
// Who speaks: the voice of the policy, or the host, and never both in one conversation.
#include <catch2/catch.hpp>

#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr std::uint8_t S = tcp::kSyn;
constexpr std::uint8_t A = tcp::kAck;
constexpr std::uint8_t PA = tcp::kPsh | tcp::kAck;
constexpr std::uint32_t kClient = 1000;
constexpr std::uint32_t kHost = 70000;
const std::string kGreeting = "forged greeting\r\n";
const std::string kAnswer = "forged no\r\n";

Policy voiced_policy(Policy::Admission admission = Policy::Admission::handshake) {
  Policy p = plain_policy();
  p.admission = admission;
  p.trust.evidence = Policy::Evidence::proof;
  p.reply.voices = {{{{443, 445}}, kGreeting, kAnswer}};
  return p;
}

std::string text(const Seen& s) {
  const Bytes b = s.part(s.l4 + 20, s.bytes.size());
  return {b.begin(), b.end()};
}
std::string text(const std::vector<Seen>& all) {
  std::string out;
  for (const Seen& s : all) out += text(s);
  return out;
}

/// A client, and the host of 203.0.113.10.
struct Talk {
  explicit Talk(const Policy& policy = voiced_policy()) : rig(policy) {
    std::swap(host.source, host.destination);
    std::swap(host.source_mac, host.destination_mac);
    host.source_port = 443;
    host.destination_port = 40000;
  }
  Outcome client_says(std::uint8_t flags, std::uint32_t from, std::uint32_t acked,
                      const std::string& data = {}) {
    client.flags = flags;
    client.sequence = kClient + 1 + from;
    client.acknowledgement = cookie + 1 + acked;
    client.payload.assign(data.begin(), data.end());
    return rig.send(Side::outside, client);
  }
  Outcome host_says(std::uint8_t flags, std::uint32_t from, std::uint32_t acked,
                    const std::string& data = {}) {
    host.flags = flags;
    host.sequence = kHost + from;
    host.acknowledgement = kClient + acked;
    host.payload.assign(data.begin(), data.end());
    return rig.send(Side::inside, host);
  }
  Outcome prove(const std::string& data = {}) {
    client.flags = S;
    client.sequence = kClient;
    client.acknowledgement = 0;
    client.payload.clear();
    const Outcome o = rig.send(Side::outside, client);
    REQUIRE(o.answers.size() == 1);
    REQUIRE(o.answers[0].flags() == kSynAck);
    cookie = o.answers[0].sequence();
    return client_says(data.empty() ? A : PA, 0, 0, data);
  }

  Rig rig;
  Probe client;
  Probe host;
  std::uint32_t cookie = 0;
};

}  // namespace

TEST_CASE("What is no service speaks, and its source is distrusted as ever", "[voices]") {
  const auto admission = GENERATE(Policy::Admission::handshake, Policy::Admission::forward);
  Talk t(voiced_policy(admission));
  t.client.destination = GENERATE("203.0.113.10", "203.0.113.77");
  t.client.destination_port = 444;
  const Outcome greeting = t.prove();
  CHECK(greeting.passed.empty());
  REQUIRE(greeting.answers.size() == 1);
  CHECK(text(greeting.answers) == kGreeting);
  CHECK(greeting.answers[0].sequence() == t.cookie + 1);
  CHECK(t.rig.level("198.51.100.7").number == 1);
  CHECK(t.rig.level("198.51.100.7").proven);
  CHECK(t.client_says(A, 0, 17).end == "conversation");
  CHECK(text(t.client_says(PA, 0, 17, "GET /").answers) == kAnswer);
  const Outcome more = t.client_says(PA, 5, 28, "GET /");
  REQUIRE(more.answers.size() == 1);
  CHECK(text(more.answers).empty());
  CHECK(t.rig.chain->reply().counters().words == 2);
}

TEST_CASE("A called host speaks for itself: no byte of a voice goes before, between or behind",
          "[voices]") {
  const bool early = GENERATE(false, true);
  Talk t;
  const Outcome call = t.prove(early ? "hello" : "");
  REQUIRE(call.passed.size() == 1);
  CHECK(text(call.answers).empty());
  const std::uint32_t said = early ? 5 : 0;
  // While it is called, and until it says something.
  CHECK(text(t.client_says(PA, said, 0, "more").answers).empty());
  CHECK(text(t.rig.wait(std::chrono::milliseconds(300)).answers).empty());
  t.host_says(kSynAck, 0, 1);
  CHECK(text(t.client_says(PA, said + 4, 0, "again").answers).empty());
  CHECK(text(t.client_says(A, said + 3, 0).answers).empty());  // a keepalive
  const Outcome banner = t.host_says(PA, 1, said + 10, "real\r\n");
  REQUIRE(banner.passed.size() == 1);
  CHECK(text(banner.passed) == "real\r\n");
  CHECK(banner.passed[0].sequence() == t.cookie + 1);
  const Outcome after = t.client_says(PA, said + 9, 6, "bye");
  CHECK(after.answers.empty());
  CHECK(t.rig.chain->reply().counters().words == 0);
}

TEST_CASE("A host that refuses, or is mute, gives its client over to the voice", "[voices]") {
  const bool early = GENERATE(false, true);
  const bool mute = GENERATE(false, true);
  Talk t;
  REQUIRE(t.prove(early ? "hello" : "").passed.size() == 1);
  std::string heard;
  if (mute) {
    const Outcome o = t.rig.wait(std::chrono::seconds(6));
    CHECK(o.answers.size() == 1);
    heard = text(o.answers);
  } else {
    const Outcome o = t.host_says(tcp::kRst | A, 0, 1);
    CHECK(o.end == "host-refused");
    CHECK(o.answers.empty());
    REQUIRE(o.passed.size() == 1);  // outside
    CHECK(o.passed[0].sound());
    CHECK(o.passed[0].sequence() == t.cookie + 1);
    CHECK(o.passed[0].acknowledgement() == kClient + 1 + (early ? 5 : 0));
    heard = text(o.passed);
  }
  CHECK(heard == kGreeting + (early ? kAnswer : ""));
  const auto acked = static_cast<std::uint32_t>(heard.size());
  const Outcome data = t.client_says(PA, early ? 5 : 0, acked, "anybody?");
  CHECK(data.passed.empty());
  CHECK(text(data.answers) == (early ? "" : kAnswer));
  // A late word of the host's finds no connection.
  CHECK(t.host_says(kSynAck, 0, 1).passed.empty());
  CHECK(t.rig.level("198.51.100.7").number == 0);
}

TEST_CASE("A client that resets while its host is called hears nothing", "[voices]") {
  Talk t;
  t.prove();
  const Outcome reset = t.client_says(tcp::kRst, 0, 0);
  CHECK(reset.answers.empty());
  CHECK(t.rig.wait(std::chrono::seconds(6)).answers.empty());
  CHECK(t.rig.chain->reply().counters().words == 0);
}

TEST_CASE("A distrusted source meets the voice at a service, which is not called", "[voices]") {
  Talk t;
  t.client.destination_port = 445;
  t.prove();
  t.client.destination_port = 443;
  t.client.source_port = 40001;
  const Outcome o = t.prove();
  CHECK(o.passed.empty());
  CHECK(text(o.answers) == kGreeting);
}
