// SPDX-License-Identifier: BSD-3-Clause
// Connections that hosts open: what leaves is the persona's offer, what comes back is what each
// host has offered itself, and both read their own windows (N-OUT-13).
#include <catch2/catch.hpp>

#include "pair.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr std::uint32_t kPeer = 7000;

/// What an end says in its SYN.
struct Says {
  bool scale, sack;
};

Bytes options_of(const Says& says, std::uint8_t scale, unsigned mss = 1460) {
  Bytes b{2, 4, static_cast<std::uint8_t>(mss >> 8U), static_cast<std::uint8_t>(mss)};
  const auto add = [&](const Bytes& more) { b.insert(b.end(), more.begin(), more.end()); };
  if (says.sack) add({4, 2, 1, 1});
  if (says.scale) add({1, 3, 3, scale});
  return b;
}

Bytes persona(bool v6, unsigned mss = 1460) {
  if (v6) mss = std::min(mss, 1440U);
  return {2,
          4,
          static_cast<std::uint8_t>(mss >> 8U),
          static_cast<std::uint8_t>(mss),
          1,
          3,
          3,
          kPersonaScale,
          1,
          1,
          4,
          2};
}

Policy everything() {
  Policy p = handshake_policy();
  p.normalise = {};
  return p;
}

/// A host that has sent its SYN, and whom it called.
struct Opened {
  explicit Opened(bool v6 = false, const Policy& policy = everything()) : t(policy) {
    t.address(v6, 443);
  }
  Seen syn(const Bytes& options, std::uint16_t window = 64240) {
    t.host.options = options;
    t.host.window = window;
    const Outcome o = t.from_host(S, kHost, 0);
    t.host.options.clear();
    REQUIRE(o.end == "forward");
    REQUIRE(o.passed.size() == 1);
    CHECK(o.passed[0].sound());
    told = o.passed[0].sequence();
    return o.passed[0];
  }
  Seen syn_ack(const Bytes& options, std::uint16_t window = 8000) {
    t.client.options = options;
    t.client.window = window;
    const Outcome o = t.from_client(kSynAck, kPeer, told + 1);
    t.client.options.clear();
    REQUIRE(o.end == "forward");
    REQUIRE(o.passed.size() == 1);
    CHECK(o.passed[0].sound());
    CHECK(o.passed[0].acknowledgement() == kHost + 1);
    return o.passed[0];
  }
  Seen host_says(std::uint16_t window, std::uint32_t acknowledged = 0) {
    t.host.window = window;
    return one(t.from_host(A, kHost + 1, kPeer + 1 + acknowledged));
  }
  Seen peer_says(std::uint16_t window, std::uint32_t at = 0, const std::string& data = {}) {
    t.client.window = window;
    return one(t.from_client(data.empty() ? A : PA, kPeer + 1 + at, told + 1, data));
  }
  static Seen one(const Outcome& o) {
    REQUIRE(o.passed.size() == 1);
    CHECK(o.passed[0].sound());
    return o.passed[0];
  }
  Pair t;
  std::uint32_t told = 0;  ///< the host's number, as its peer knows it
};

bool has(const Seen& s, std::uint8_t kind) {
  const Bytes options = s.tcp_options();
  for (std::size_t at = 0; at < options.size() && options[at] != 0;) {
    if (options[at] == kind) return true;
    at += options[at] == 1 ? 1 : options[at + 1];
  }
  return false;
}

}  // namespace

TEST_CASE("Every host's SYN is the persona's, and each hears what it has offered", "[pose]") {
  const bool v6 = GENERATE(false, true);
  for (const Says host : {Says{true, true}, {true, false}, {false, true}, {false, false}}) {
    for (const Says peer : {Says{true, true}, {true, false}, {false, true}, {false, false}}) {
      CAPTURE(v6, host.scale, host.sack, peer.scale, peer.sack);
      Opened o(v6);
      const Seen syn = o.syn(options_of(host, 3));
      CHECK(syn.tcp_options() == persona(v6));
      CHECK(syn.window() == 8192);
      CHECK(syn.acknowledgement() == 0);
      CHECK(syn.flags() == S);
      // Once more.
      CHECK(o.syn(options_of(host, 3)).tcp_options() == persona(v6));
      for (int copies = 0; copies < 2; ++copies) {
        const Seen answer = o.syn_ack(options_of(peer, 5));
        CHECK(answer.window() == 8000);  // never scaled
        CHECK(has(answer, tcp::kOptionMss));
        CHECK(has(answer, tcp::kOptionWindowScale) == (host.scale && peer.scale));
        CHECK(has(answer, tcp::kOptionSackPermitted) == (host.sack && peer.sack));
      }
      const bool host_scales = host.scale && peer.scale;
      const std::uint32_t bytes = host_scales ? 4096U << 3U : 4096U;
      CHECK(o.host_says(4096).window() == (peer.scale ? bytes >> 8U : bytes));
      CHECK(o.peer_says(1000).window() == (peer.scale && !host.scale ? 1000U << 5U : 1000U));
      CHECK(o.peer_says(60000).window() == (peer.scale && !host.scale ? 65535U : 60000U));
      // What is open does not seem shut.
      CHECK(o.host_says(1).window() == 1);
      CHECK(o.host_says(0).window() == 0);
    }
  }
}

TEST_CASE("A peer that was promised SACK gets it of a host that has none", "[pose]") {
  const bool v6 = GENERATE(false, true);
  const bool promised = GENERATE(false, true);
  Opened o(v6);
  o.syn(options_of({true, false}, 3));
  o.syn_ack(options_of({true, promised}, 5));
  o.host_says(4096);
  o.peer_says(1000, 1000, "ahead");
  const Seen s = o.host_says(4096);
  CHECK(has(s, tcp::kOptionSack) == promised);
  if (!promised) return;
  CHECK(s.u32(s.l4 + 24) == kPeer + 1001);
  CHECK(s.u32(s.l4 + 28) == kPeer + 1006);
  // The flow's next connection knows nothing of it.
  o.t.from_client(tcp::kRst, kPeer + 1, 0);
  o.t.rig.wait(std::chrono::milliseconds(100));
  o.syn(options_of({true, false}, 3));
  o.syn_ack(options_of({true, true}, 5));
  CHECK(!has(o.host_says(4096), tcp::kOptionSack));
}

TEST_CASE("No peer is promised more than its host takes", "[pose]") {
  const bool v6 = GENERATE(false, true);
  CHECK(Opened(v6).syn(options_of({true, true}, 7, 1300)).tcp_options() == persona(v6, 1300));
  CHECK(Opened(v6).syn(options_of({true, true}, 7, 8960)).tcp_options() == persona(v6));
  CHECK(Opened(v6).syn({}).tcp_options() == persona(v6, v6 ? 1220 : 536));
  CHECK(Opened(v6).syn(options_of({true, true}, 7), 512).window() == 8192);
  // SACK is promised where the box can make it.
  Policy policy = everything();
  policy.normalise.sack = false;
  CHECK(!has(Opened(v6, policy).syn(options_of({true, false}, 7)), tcp::kOptionSackPermitted));
  CHECK(has(Opened(v6, policy).syn(options_of({true, true}, 7)), tcp::kOptionSackPermitted));
}

TEST_CASE("What a SYN has that the box cannot speak for keeps it as it is", "[pose]") {
  const bool v6 = GENERATE(false, true);
  SECTION("a signature") {
    Bytes options{19, 18};
    options.resize(18);
    options.insert(options.end(), {1, 1});
    Opened o(v6);
    const Seen syn = o.syn(options);
    CHECK(syn.tcp_options() == options);
    CHECK(syn.window() == 64240);
    CHECK(syn.sequence() == kHost);
  }
  SECTION("data, though it is repeated without") {
    Opened o(v6);
    o.t.host.options = options_of({false, false}, 0);
    o.t.host.window = 5000;
    const Seen syn = Opened::one(o.t.from_host(S, kHost, 0, "early"));
    CHECK(syn.window() == 5000);
    CHECK(o.syn(options_of({false, false}, 0), 5000).window() == 5000);
    CHECK(has(o.syn_ack(options_of({true, true}, 5)), tcp::kOptionWindowScale));
    CHECK(o.host_says(4096).window() == 4096);
    CHECK(o.peer_says(1000).window() == 1000);
  }
  SECTION("a policy that leaves SYNs, or numbers, alone") {
    Policy policy = everything();
    (GENERATE(false, true) ? policy.normalise.isn : policy.normalise.options) = false;
    Opened o(v6, policy);
    CHECK(o.syn(options_of({true, false}, 3)).tcp_options() ==
          (policy.normalise.options ? Bytes{2, 4, 5, 180, 1, 3, 3, 3}
                                    : options_of({true, false}, 3)));
    const Seen answer = o.syn_ack(options_of({true, true}, 5));
    CHECK(has(answer, tcp::kOptionSackPermitted));
    CHECK(o.host_says(4096).window() == 4096);
  }
}

TEST_CASE("A peer may send what the persona's SYN lets it", "[pose]") {
  Opened o;
  o.syn(options_of({true, true}, 7), 500);
  o.syn_ack(options_of({true, true}, 5));
  CHECK(o.t.from_client(PA, kPeer + 1 + 8000, o.told + 1, "late").end == "forward");
}
