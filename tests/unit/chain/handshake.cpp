// SPDX-License-Identifier: BSD-3-Clause
// Admission by handshake: what client and host see of one another.
#include <catch2/catch.hpp>
#include <functional>
#include <set>

#include "pair.hpp"

using namespace mitibox;
using namespace mitibox::test;
using std::chrono::milliseconds;

TEST_CASE("A proven client's call reaches its host as a plain SYN, and both talk", "[handshake]") {
  Pair t(GENERATE(false, true));
  t.greet();
  const Outcome call = t.prove();
  CHECK(call.answers.empty());
  REQUIRE(call.passed.size() == 1);
  const Seen& syn = call.passed[0];
  CHECK(syn.sound());
  CHECK(syn.flags() == S);
  CHECK(syn.sequence() == kClient);
  CHECK(syn.ttl() == 64);
  CHECK(syn.tcp_options().size() == 12);

  const Outcome answer = t.pick_up();
  CHECK(answer.end == "host-answered");
  CHECK(answer.passed.empty());
  REQUIRE(answer.answers.size() == 2);
  CHECK(answer.answers[1].sound());
  CHECK(answer.answers[1].flags() == A);
  CHECK(answer.answers[1].sequence() == kClient + 1);
  CHECK(answer.answers[1].acknowledgement() == kHost + 1);

  // The host speaks first.
  const Outcome banner = t.from_host(PA, kHost + 1, kClient + 1, "220 hello\r\n");
  REQUIRE(banner.passed.size() == 1);
  CHECK(banner.passed[0].sound());
  CHECK(banner.passed[0].sequence() == t.cookie + 1);
  CHECK(banner.passed[0].acknowledgement() == kClient + 1);
  const Outcome reply = t.from_client(PA, kClient + 1, t.cookie + 12, "EHLO\r\n");
  CHECK(reply.end == "forward");
  REQUIRE(reply.passed.size() == 1);
  CHECK(reply.passed[0].sound());
  CHECK(reply.passed[0].acknowledgement() == kHost + 12);
  CHECK(reply.answers.empty());
}

TEST_CASE("Calls leave at drawn instants, and what their clients say waits for them",
          "[handshake]") {
  Policy policy = handshake_policy();
  policy.normalise.timing = true;
  Pair t(policy);
  std::set<int> waits;
  for (std::uint16_t i = 0; i < 32; ++i) {
    t.client.source_port = t.host.destination_port = static_cast<std::uint16_t>(40000 + i);
    t.greet();
    CHECK(t.prove().passed.empty());
    int ms = 0;
    Outcome o;
    while (o.passed.empty() && ms < 10) {
      o = t.rig.wait(milliseconds(1));
      ++ms;
    }
    waits.insert(ms);
    REQUIRE(o.passed.size() == 1);
    CHECK(o.passed[0].flags() == S);
    CHECK(t.rig.wait(milliseconds(900)).passed.empty());
    CHECK(t.pick_up().answers.size() == 2);
  }
  CHECK(waits.size() > 1);
  CHECK(*waits.rbegin() <= 3);
}

TEST_CASE("What the box says in conversations leaves a drawn time after what it answers",
          "[handshake]") {
  Policy policy = handshake_policy();
  policy.normalise.timing = true;
  Pair t(policy);
  const bool real = GENERATE(true, false);
  if (!real) t.client.destination_port = 444;
  t.greet();
  CHECK(t.prove().answers.empty());
  for (int i = 0; i < 2; ++i) {
    if (i == 1 && real) {
      t.rig.wait(milliseconds(3));
      CHECK(t.pick_up().end == "host-answered");
    }
    const std::uint32_t sequence = kClient + 1 + 3 * static_cast<std::uint32_t>(i);
    CHECK(t.from_client(PA, sequence, t.cookie + 1, "GET").answers.empty());
    CHECK(t.rig.wait(std::chrono::microseconds(49)).answers.empty());
    const Outcome o = t.rig.wait(std::chrono::microseconds(51));
    REQUIRE(o.answers.size() == 1);
    CHECK(o.answers[0].acknowledgement() == sequence + 3);
  }
}

TEST_CASE("Until the host says something the box acknowledges, and the host gets all",
          "[handshake]") {
  Pair t;
  const bool early = GENERATE(false, true);
  t.greet();
  const Outcome call = t.prove(early ? "GET " : "");
  REQUIRE(call.passed.size() == 1);
  CHECK(call.answers.size() == (early ? 1 : 0));
  std::uint32_t next = kClient + 1 + (early ? 4 : 0);
  if (early) {
    const Outcome more = t.from_client(PA, next, t.cookie + 1, "/ ");
    CHECK(more.passed.empty());
    REQUIRE(more.answers.size() == 1);
    CHECK(more.answers[0].acknowledgement() == next + 2);
    next += 2;
  }
  const Outcome answered = t.pick_up();
  REQUIRE(answered.answers.size() == (early ? 4 : 2));
  CHECK(answered.answers[0].flags() == S);
  for (std::size_t i = 1; i < answered.answers.size(); ++i) {
    CHECK(answered.answers[i].sound());
    CHECK(answered.answers[i].acknowledgement() == kHost + 1);
  }
  const Outcome data = t.from_client(PA, next, t.cookie + 1, "HTTP/1.1\r\n");
  REQUIRE(data.answers.size() == 1);
  CHECK(data.answers[0].acknowledgement() == next + 10);
  REQUIRE(data.passed.size() == 1);
  CHECK(data.passed[0].sound());
  CHECK(data.passed[0].acknowledgement() == kHost + 1);
  // The host's own acknowledgement says nothing new.
  CHECK(t.from_host(A, kHost + 1, next + 10).passed.empty());
  const Outcome page = t.from_host(PA, kHost + 1, next + 10, "200 OK");
  REQUIRE(page.passed.size() == 1);
  CHECK(page.passed[0].sequence() == t.cookie + 1);
  const Outcome rest = t.from_client(A, next + 10, t.cookie + 7);
  CHECK(rest.end == "forward");
  CHECK(rest.answers.empty());
}

TEST_CASE("A host that repeats its SYN/ACK is answered again, its client hears nothing",
          "[handshake]") {
  Pair t;
  t.connect();
  const Outcome again = t.pick_up();
  CHECK(again.end == "host-answered");
  CHECK(again.passed.empty());
  REQUIRE(again.answers.size() == 1);
  CHECK(again.answers[0].sound());
  CHECK(again.answers[0].sequence() == kClient + 1);
  CHECK(again.answers[0].acknowledgement() == kHost + 1);
}

TEST_CASE("A host does not take the LAN's round trip for its client's", "[handshake]") {
  Pair t(GENERATE(false, true));
  t.greet();
  const Outcome call = t.prove();
  REQUIRE(call.passed.size() == 1);
  const bool repeated = GENERATE(false, true);
  if (repeated) CHECK(t.rig.wait(std::chrono::milliseconds(1100)).passed.size() == 1);
  const Outcome answer = t.pick_up();
  // What was sent twice is not measured; the SYN that asks for it goes before the ACK.
  REQUIRE(answer.answers.size() == (repeated ? 1 : 2));
  CHECK(answer.answers.back().flags() == A);
  if (repeated) return;
  const Seen& syn = answer.answers[0];
  CHECK(syn.sound());
  CHECK(syn.flags() == S);
  CHECK(syn.sequence() == kClient);
  CHECK(syn.window() == call.passed[0].window());
  CHECK(syn.tcp_options() == call.passed[0].tcp_options());
  // Not even when the client has gone on beyond what the box takes.
  CHECK(t.from_host(A, kHost + 1, kClient + 1).passed.empty());  // opens its window, by its scale
  for (std::uint32_t n = 0; n < 6; ++n)
    CHECK(t.from_client(PA, kClient + 1 + n * 1400, t.cookie + 1, std::string(1400, 'x')).end ==
          "forward");
  const Outcome again = t.pick_up();
  CHECK(again.end == "host-answered");
  CHECK(again.passed.empty());
}

TEST_CASE("A flood in a client's name inserts nothing, and reaches no host", "[handshake]") {
  Pair t;
  for (std::uint16_t port = 1; port <= 2000; ++port) {
    t.client.source_port = port;
    t.client.destination_port = port % 2 == 0 ? std::uint16_t{443} : port;
    CHECK(t.from_client(S, 7U * port, 0).passed.empty());
    CHECK(t.from_client(A, 7U * port + 1, 5U * port).passed.empty());
  }
  CHECK(t.rig.level("198.51.100.7").number == 0);
  CHECK(t.rig.chain->tracker().table(Family::v4).size() == 0);
  t.client.source_port = 40000;
  t.client.destination_port = 443;
  t.connect();
}

TEST_CASE("What the host does not acknowledge is sent to it again", "[handshake]") {
  Pair t;
  t.connect();
  REQUIRE(t.from_client(PA, kClient + 1, t.cookie + 1, "hello").passed.size() == 1);
  const Outcome again = t.rig.wait(std::chrono::milliseconds(400));
  REQUIRE(again.passed.size() == 1);
  CHECK(again.answers.empty());
  CHECK(again.passed[0].sound());
  CHECK(again.passed[0].sequence() == kClient + 1);
  CHECK(again.passed[0].acknowledgement() == kHost + 1);
  t.from_host(A, kHost + 1, kClient + 6);
  CHECK(t.rig.wait(std::chrono::seconds(5)).passed.empty());
}

TEST_CASE("A host that refuses, or is mute, is spoken for", "[handshake]") {
  Pair t;
  t.greet();
  REQUIRE(t.prove("hi").passed.size() == 1);
  if (GENERATE(false, true)) {
    CHECK(t.from_host(tcp::kRst | A, 0, kClient + 1).end == "host-refused");
  } else {
    CHECK(t.rig.wait(std::chrono::seconds(6)).passed.size() == 3);
  }
  const Outcome data = t.from_client(PA, kClient + 3, t.cookie + 1, "anybody?");
  CHECK(data.passed.empty());
  REQUIRE(data.answers.size() == 1);
  CHECK(data.answers[0].acknowledgement() == kClient + 11);
  CHECK(t.rig.level("198.51.100.7").number == 0);
}

TEST_CASE("Nothing but a proof calls a host, and nothing but a proof counts", "[handshake]") {
  Pair t;
  t.greet();
  SECTION("a wrong acknowledgement") {
    CHECK(t.from_client(A, kClient + 1, t.cookie + 2).end == "no-connection");
  }
  SECTION("a wrong sequence number") {
    CHECK(t.from_client(A, kClient + 2, t.cookie + 1).end == "no-connection");
  }
  SECTION("a reset changes nothing") {
    t.from_client(tcp::kRst, kClient + 1, 0);
    CHECK(t.prove().passed.size() == 1);
  }
  SECTION("SYNs to closed ports are no evidence, their proof is") {
    t.client.destination_port = 444;
    t.greet();
    CHECK(t.rig.level("198.51.100.7").number == 0);
    CHECK(t.prove().passed.empty());
    CHECK(t.rig.level("198.51.100.7").number == 1);
    CHECK(t.rig.level("198.51.100.7").proven);
    // From now on the service, too, is the box.
    t.client.destination_port = 443;
    t.client.source_port = 40001;
    t.greet();
    CHECK(t.prove("GET /").passed.empty());
  }
}

TEST_CASE("Hosts without window scale: both sides read their own units", "[handshake]") {
  Pair t;
  t.greet();
  REQUIRE(t.prove().passed.size() == 1);
  REQUIRE(t.pick_up({2, 4, 5, 180}).answers.size() == 2);
  t.host.payload.clear();
  const Outcome banner = t.from_host(PA, kHost + 1, kClient + 1, "x");
  REQUIRE(banner.passed.size() == 1);
  CHECK(banner.passed[0].sound());
  CHECK(banner.passed[0].window() << 8U <= 65535);
}

TEST_CASE("A SACK of the client's names the host's numbers", "[handshake]") {
  Pair t;
  t.connect();
  REQUIRE(t.from_host(PA, kHost + 1, kClient + 1, std::string(100, 'a')).passed.size() == 1);
  const bool shifted = GENERATE(false, true);
  t.client.options = shifted ? Bytes{1, 5, 10} : Bytes{1, 1, 5, 10};
  for (const std::uint32_t edge : {t.cookie + 51, t.cookie + 101})
    for (int shift = 24; shift >= 0; shift -= 8)
      t.client.options.push_back(static_cast<std::uint8_t>(edge >> shift));
  while (t.client.options.size() % 4 != 0) t.client.options.push_back(0);
  const Outcome sack = t.from_client(A, kClient + 1, t.cookie + 1);
  REQUIRE(sack.passed.size() == 1);
  CHECK(sack.passed[0].sound());
  const std::size_t edge = sack.passed[0].l4 + 20 + (shifted ? 3 : 4);
  CHECK(sack.passed[0].u32(edge) == kHost + 51);
  CHECK(sack.passed[0].u32(edge + 4) == kHost + 101);
}

TEST_CASE("A SYN/ACK is sent once more, unless its handshake is complete", "[handshake]") {
  Pair t;
  t.greet();
  const bool complete = GENERATE(false, true);
  if (complete) t.prove();
  const Outcome o = t.rig.wait(std::chrono::milliseconds(1100));
  CHECK(o.answers.size() == (complete ? 0 : 1));
  if (!complete) {
    CHECK(o.answers[0].sequence() == t.cookie);
    CHECK(o.answers[0].flags() == kSynAck);
  }
  CHECK(t.rig.wait(std::chrono::seconds(5)).answers.empty());
}

namespace {

constexpr std::uint8_t F = tcp::kFin | tcp::kAck;
constexpr std::uint8_t R = tcp::kRst;

/// How one who has finished a handshake ends: what comes back, as text.
struct Ending {
  explicit Ending(std::uint16_t port) : t(false, port) {
    t.greet();
    if (!t.prove().passed.empty()) t.pick_up();
  }
  void say(std::uint8_t flags, std::uint32_t offset, std::uint32_t acked,
           const std::string& data = {}) {
    note(t.from_client(flags, kClient + 1 + offset, t.cookie + 1 + acked, data));
  }
  void wait(int ms) { note(t.rig.wait(milliseconds(ms))); }
  void note(const Outcome& o) {
    for (const Seen& s : o.answers) {
      CHECK(s.sound());
      heard += std::to_string(s.flags()) + ":" + std::to_string(s.sequence() - t.cookie) + ":" +
               std::to_string(s.acknowledgement() - kClient) + ":" + std::to_string(s.window()) +
               " ";
    }
    heard += "| ";
  }
  Pair t;
  std::string heard;
};

}  // namespace

TEST_CASE("A client's end is answered alike, whether a host is there to end or not",
          "[handshake]") {
  const std::size_t script = GENERATE(range(std::size_t{0}, std::size_t{6}));
  CAPTURE(script);
  const auto play = [&](Ending& e, const std::function<void()>& host) {
    switch (script) {
      case 0:  // acknowledged in time
        e.say(F, 0, 0);
        host();
        e.wait(60);
        e.say(A, 1, 1);
        e.say(A, 1, 1);
        e.say(PA, 1, 1, "after the end");
        break;
      case 1:  // never acknowledged
        e.say(F, 0, 0);
        host();
        e.wait(20'000);
        break;
      case 2:  // with data, and once more
        e.say(F | tcp::kPsh, 0, 0, "hello");
        e.say(F | tcp::kPsh, 0, 0, "hello");
        host();
        e.say(PA, 6, 0, "behind it");
        e.wait(60);
        e.say(F | tcp::kPsh, 0, 0, "hello");
        e.say(A, 6, 1);
        break;
      case 3:  // reset instead of the last acknowledgement
        e.say(F, 0, 0);
        host();
        e.wait(60);
        e.say(R, 1, 0);
        e.say(A, 1, 1);
        e.wait(2000);
        break;
      case 4:  // a reset at once, data behind it, and the old handshake again
        e.say(R, 0, 0);
        e.say(PA, 0, 0, "hello");
        e.say(A, 0, 0);
        e.wait(1000);
        break;
      default:  // a SYN while it ends, and one after the end
        e.say(F, 0, 0);
        host();
        e.say(S, 500'000, 0);
        e.wait(60);
        e.say(A, 1, 1);
        e.say(A, 0, 0);
    }
  };
  Ending forged(444);
  play(forged, [] {});
  Ending real(443);
  play(real, [&] {
    const std::uint32_t got = script == 2 ? 6 : 1;
    if (real.t.rig.now().tick % 2 == 0) real.t.from_host(A, kHost + 1, kClient + 1 + got);
    CHECK(real.t.from_host(F, kHost + 1, kClient + 1 + got).end == "host-answered");
  });
  CHECK(real.heard == forged.heard);
  if (script == 0 || script == 2 || script == 4) {
    const Outcome o = real.t.from_host(R, kHost + (script == 4 ? 1 : 2), 0);
    CHECK(o.end == "late-reset");
    CHECK(o.passed.empty());
  }
  CHECK(forged.t.rig.chain->reply().counters().proofs == 1);
}

TEST_CASE("A host's end that overtakes its own words does not end the client", "[handshake]") {
  Pair t;
  t.connect();
  REQUIRE(t.from_client(F | tcp::kPsh, kClient + 1, t.cookie + 1, "get\n").answers.size() == 1);
  const Outcome end = t.from_host(F, kHost + 101, kClient + 6);
  REQUIRE(end.passed.size() == 1);
  CHECK(end.passed[0].sequence() == t.cookie + 101);
  CHECK(t.rig.wait(milliseconds(100)).answers.empty());
  const Outcome words = t.from_host(PA, kHost + 1, kClient + 6, std::string(100, 'a'));
  REQUIRE(words.passed.size() == 1);
  CHECK(words.passed[0].sequence() == t.cookie + 1);
}

TEST_CASE("A host's SYN in a connection that the box answers is none of its client's",
          "[handshake]") {
  Pair t;
  t.connect();
  const Outcome o = t.from_host(S, kHost + 10, 0);
  CHECK(o.end == "tcp-state");
  CHECK(o.passed.empty());
  CHECK(t.from_host(PA, kHost + 1, kClient + 1, "hello").passed.size() == 1);
}

TEST_CASE("A client that has forgotten an idle connection opens it anew", "[handshake]") {
  Pair t;
  t.connect();
  const bool spoken = GENERATE(false, true);
  if (spoken) {
    REQUIRE(t.from_host(PA, kHost + 1, kClient + 1, "hello").passed.size() == 1);
    REQUIRE(t.from_client(A, kClient + 1, t.cookie + 6).end == "forward");
  }
  t.rig.wait(std::chrono::minutes(6));
  const std::uint32_t isn = kClient + 0x20000000;
  t.client.options = kOffer;
  const Outcome again = t.from_client(S, isn, 0);
  t.client.options.clear();
  REQUIRE(again.answers.size() == 1);
  CHECK(again.answers[0].flags() == kSynAck);
  const Outcome proof = t.from_client(A, isn + 1, again.answers[0].sequence() + 1);
  REQUIRE(proof.passed.size() == 1);
  CHECK(proof.passed[0].flags() == S);
  CHECK(proof.passed[0].sequence() == isn);
}

TEST_CASE("A host that still holds an earlier connection is reset, and called again",
          "[handshake]") {
  Pair t;
  t.greet();
  REQUIRE(t.prove().passed.size() == 1);
  const Outcome o = t.from_host(A, 777, 4242);
  CHECK(o.end == "host-answered");
  CHECK(o.passed.empty());
  REQUIRE(o.answers.size() == 1);
  CHECK(o.answers[0].sound());
  CHECK(o.answers[0].flags() == tcp::kRst);
  CHECK(o.answers[0].sequence() == 4242);
  const Outcome call = t.rig.wait(milliseconds(100));
  REQUIRE(call.passed.size() == 1);
  CHECK(call.passed[0].flags() == S);
  CHECK(t.pick_up().answers.size() == 1);
  // One that answers nothing else is mute in the end.
  Pair mute;
  mute.greet();
  REQUIRE(mute.prove().passed.size() == 1);
  int calls = 1;
  for (int i = 0; i < 50; ++i) {
    mute.from_host(A, 777, 4242);
    for (const Seen& s : mute.rig.wait(milliseconds(20)).passed) calls += s.flags() == S ? 1 : 0;
  }
  CHECK(calls == Splices::kCalls);
  CHECK(mute.rig.chain->splices().mute == 1);
}

TEST_CASE("What a host never takes is sent for a minute, and counted as lost", "[handshake]") {
  Pair t;
  t.connect();
  REQUIRE(t.from_client(PA, kClient + 1, t.cookie + 1, "hello").passed.size() == 1);
  const Outcome o = t.rig.wait(std::chrono::minutes(3));
  CHECK(o.passed.size() == Splices::kHeldTries);
  CHECK(o.answers.empty());
  CHECK(t.rig.chain->splices().lost == 1);
}

TEST_CASE("Segments held for a flow do not outlive its connection", "[handshake]") {
  Pair t;
  t.connect();
  REQUIRE(t.from_client(PA, kClient + 1, t.cookie + 1, "hello").passed.size() == 1);
  if (GENERATE(false, true))
    CHECK(t.from_client(R, kClient + 6, 0).passed.size() == 1);
  else
    CHECK(t.from_host(R, kHost + 1, 0).passed.size() == 1);
  CHECK(t.rig.wait(std::chrono::seconds(30)).passed.empty());
}

TEST_CASE("Without a buffer for the box's answer a host's SYN/ACK has not come", "[handshake]") {
  Pair t;
  t.greet();
  REQUIRE(t.prove().passed.size() == 1);
  const std::vector<rte_mbuf*> buffers = t.rig.take_buffers();
  const Outcome o = t.pick_up();
  for (rte_mbuf* b : buffers) rte_pktmbuf_free(b);
  CHECK(o.end == "reply-pool");
  CHECK(o.answers.empty());
  // The host repeats it, and is answered as if for the first time.
  const Outcome again = t.pick_up();
  CHECK(again.end == "host-answered");
  CHECK(again.answers.size() == 2);
  CHECK(t.from_host(PA, kHost + 1, kClient + 1, "hello").passed.size() == 1);
}

TEST_CASE("A host's SYN/ACK that acknowledges another number opens nothing", "[handshake]") {
  Pair t;
  t.greet();
  REQUIRE(t.prove().passed.size() == 1);
  t.host.options = kOffer;
  const Outcome stray = t.from_host(kSynAck, kHost, kClient + 2);
  t.host.options.clear();
  CHECK(stray.answers.empty());
  CHECK(stray.passed.empty());
  CHECK(t.rig.chain->splices().answered == 0);
  CHECK(t.pick_up().end == "host-answered");
}

TEST_CASE("A client that ends and then resets while its host is called leaves nothing",
          "[handshake]") {
  Pair t;
  t.greet();
  REQUIRE(t.prove("hi").passed.size() == 1);
  t.from_client(tcp::kFin | A, kClient + 3, t.cookie + 1);
  t.from_client(R, kClient + 4, 0);
  CHECK(t.rig.wait(std::chrono::seconds(10)).passed.empty());
  t.pick_up();
  CHECK(t.rig.chain->tracker().table(Family::v4).size() == 0);
}
