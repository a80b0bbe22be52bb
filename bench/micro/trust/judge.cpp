// SPDX-License-Identifier: BSD-3-Clause
#include "../micro.hpp"
#include "trust/trust.hpp"

using namespace mitibox;
using namespace mitibox::bench;

namespace {

const Now kNow(std::chrono::hours(1));

/// What the Chain does with the opening packets of a burst.
unsigned judge(Trust& trust, const std::array<const Packet*, kBurst>& burst) {
  std::array<Trust::Attempt, kBurst> attempts;
  trust.find(burst, attempts);
  unsigned passed = 0;
  for (std::size_t i = 0; i < kBurst; ++i)
    passed += trust.judge(attempts[i], burst[i]->source(), burst[i]->target(), kNow.time) ==
              Trust::Decision::pass;
  return passed;
}

}  // namespace

TEST_CASE("Trust") {
  const Policy policy = plain_policy();
  const Secrets secrets = Secrets::derive({1, 2});
  const std::vector<Packet> packets = syns(2048);
  const Bursts bursts(packets);
  {
    Trust trust(policy, secrets, policy.tables.sources, "micro");
    REQUIRE(judge(trust, bursts[0]) == kBurst);
    BENCHMARK("fresh sources x32", i) {
      return judge(trust, bursts[i]);
    };
    for (const Packet& p : packets) trust.illegitimate(p.source(), p.target(), kNow.time);
    REQUIRE(judge(trust, bursts[0]) == 0);
    BENCHMARK("distrusted sources x32", i) {
      return judge(trust, bursts[i]);
    };
  }
  Trust trust(policy, secrets, policy.tables.sources, "micro");
  for (const Packet& p : packets) trust.proven(p.source(), p.target(), kNow.time);
  for (std::uint32_t i = 0; trust.proven_sources() < 1'000'000; ++i)
    trust.proven(Address(be32(0x0b000000U + i)), packets[0].target(), kNow.time);
  REQUIRE(judge(trust, bursts[0]) == 0);
  BENCHMARK("proven sources, 1M of them x32", i) {
    return judge(trust, bursts[i]);
  };
}
