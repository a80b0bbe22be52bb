// SPDX-License-Identifier: BSD-3-Clause
// Every frame ends in exactly one place, whatever it is.
#include <catch2/catch.hpp>
#include <random>

#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

class Mix {
 public:
  explicit Mix(unsigned seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t n) {
    return std::uniform_int_distribution<std::uint32_t>(0, n - 1)(random_);
  }

  Probe probe(Side from) {
    const bool v6 = below(3) == 0;
    const std::string far = v6 ? "2001:db8:ffff::" : "198.51.100.";
    const std::string near = v6 ? "2001:db8:1::" : "203.0.113.";
    Probe p;
    p.source = far + std::to_string(1 + below(9));
    p.destination = near + std::to_string(10 * below(4));
    if (from == Side::inside) std::swap(p.source, p.destination);
    const std::uint8_t protocols[] = {protocol::kTcp, protocol::kTcp, protocol::kUdp,
                                      v6 ? protocol::kIcmpv6 : protocol::kIcmp, 47};
    p.protocol = protocols[below(5)];
    p.tags = below(3);
    const std::uint16_t port = below(2) == 0 ? 443 : 53;
    p.source_port = static_cast<std::uint16_t>(from == Side::outside ? 40000 + below(8) : port);
    p.destination_port =
        static_cast<std::uint16_t>(from == Side::outside ? port : 40000 + below(8));
    p.sequence = 1000 * below(4);
    p.acknowledgement = 1000 * below(4);
    const std::uint8_t flags[] = {tcp::kSyn, tcp::kSyn, kSynAck, tcp::kAck, kFinAck, tcp::kRst, 0};
    p.flags = flags[below(7)];
    p.payload.assign(below(4) == 0 ? below(1400) : 0, 'x');
    return p;
  }

  rte_mbuf* frame(Side from) {
    rte_mbuf* m = frame_of(probe(from));
    auto* at = rte_pktmbuf_mtod(m, std::uint8_t*);
    switch (below(6)) {
      case 0:  // cut short
        rte_pktmbuf_trim(m, static_cast<std::uint16_t>(below(m->data_len + 1U)));
        break;
      case 1:  // octets at random
        for (int i = 0; i < 3; ++i) at[below(m->data_len)] = static_cast<std::uint8_t>(below(256));
        break;
      default:
        break;
    }
    return m;
  }

 private:
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("chain: the accounts agree over any traffic", "[chain][accounting]") {
  const unsigned seed = GENERATE(1U, 2U, 3U);
  Policy policy = plain_policy();
  policy.probability.drop = seed == 1 ? 0.5 : 0.1;
  policy.reply.udp = seed == 2 ? Policy::UdpReply::unreachable : Policy::UdpReply::silent;
  policy.timeouts.grace = Seconds(seed == 3 ? 7200 : 0);
  policy.tables.connections = 64;
  Rig rig(policy);
  Mix mix(seed);
  for (int round = 0; round < 1000; ++round) {
    const Side from = mix.below(2) == 0 ? Side::outside : Side::inside;
    std::vector<rte_mbuf*> frames;
    for (std::uint32_t n = mix.below(kBurst) + 1; n > 0; --n) frames.push_back(mix.frame(from));
    rig.takes = mix.below(4) == 0 ? std::optional<std::uint16_t>(mix.below(4)) : std::nullopt;
    rig.chain->process(from, frames, rig.now());
    rig.wait(std::chrono::milliseconds(mix.below(50)));
    if (round % 10 == 9) {
      rig.takes.reset();
      rig.burst(from, {});
      rig.check_accounts();
    }
  }
  // Not everything ended at the door.
  const Counters& c = rig.chain->counters();
  CHECK(c.forwarded[0].get() > 300);
  CHECK(c.forwarded[1].get() > 100);
  CHECK(c.made[0].get() > 100);
  for (const Reason r : {Reason::coin, Reason::tcp_flags, Reason::frame_truncated,
                         Reason::ip4_header, Reason::answered, Reason::ip_protocol})
    CHECK(rig.ended(r) > 0);
}

TEST_CASE("chain: an empty pool forges nothing, and loses nothing", "[chain][accounting]") {
  Rig rig;
  rig.takes = 0;
  std::vector<Probe> probes(32);
  for (int i = 0; i < 40; ++i) {
    for (std::uint16_t k = 0; k < 32; ++k) {
      probes[k].destination = "203.0.113.77";
      probes[k].source_port = static_cast<std::uint16_t>(1000 + 32 * i + k);
    }
    rig.burst(Side::outside, probes);
  }
  const Counters& c = rig.chain->counters();
  CHECK(c.made_refused[0].get() == 1280 - Transmit::kQueue);
  rig.takes.reset();
  CHECK(rig.burst(Side::outside, {}).answers.size() == Transmit::kQueue);
  CHECK(rig.ended(Reason::answered) == 1280);
}

TEST_CASE("profile: time is added up by room while somebody measures", "[chain]") {
  Rig rig;
  Chain::Profile profile;
  rig.send(Side::outside, Probe{});
  CHECK(profile.cycles == Chain::Profile{}.cycles);
  rig.chain->measure(&profile);
  Probe dark;
  dark.destination = "203.0.113.99";
  rig.send(Side::outside, dark);
  CHECK(profile.cycles[0] != 0);  // receive
  CHECK(profile.cycles[4] != 0);  // divert
  rig.chain->measure(nullptr);
  const auto before = profile.cycles;
  rig.send(Side::outside, dark);
  CHECK(profile.cycles == before);
}
