// SPDX-License-Identifier: BSD-3-Clause
#include "../micro.hpp"
#include "probability/probability.hpp"

using namespace mitibox;
using namespace mitibox::bench;

TEST_CASE("Coin") {
  const std::vector<Packet> packets = syns(2048);
  const Bursts bursts(packets);
  const auto how = GENERATE(Policy::Retransmission::hold, Policy::Retransmission::admit);
  Policy policy = plain_policy();
  policy.probability.retransmission = how;
  Probability probability(policy, Secrets::derive({1, 2}), policy.tables.retransmissions);
  std::array<Probability::Outcome, kBurst> outcomes{};
  std::array<Probability::Draw, kBurst> draws{};
  BENCHMARK(how == Policy::Retransmission::hold ? "hold x32" : "admit x32", i) {
    // In an hour each attempt is a first one again.
    const Now now(std::chrono::hours(1 + static_cast<std::size_t>(i) / bursts.count()));
    probability.draw(bursts[i], now, draws);
    probability.judge(draws, now, outcomes);
    return outcomes[0];
  };
}
