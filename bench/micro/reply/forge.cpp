// SPDX-License-Identifier: BSD-3-Clause
#include "../micro.hpp"
#include "reply/reply.hpp"

using namespace mitibox;
using namespace mitibox::bench;

TEST_CASE("Forged SYN/ACK") {
  const std::vector<Packet> packets = syns(2048);
  const Bursts bursts(packets);
  Reply reply(plain_policy(), Secrets::derive({1, 2}), pool(), 1024, "micro");
  const Now now(std::chrono::hours(1));
  BENCHMARK("one", i) {
    rte_pktmbuf_free(reply.open(*bursts[i][0], now).frame);
  };
  std::array<Reply::Answer, kBurst> answers{};
  std::array<rte_mbuf*, kBurst> frames{};
  BENCHMARK("x32", i) {
    reply.open(bursts[i], now, answers);
    for (std::size_t k = 0; k < kBurst; ++k) frames[k] = answers[k].frame;
    rte_pktmbuf_free_bulk(frames.data(), kBurst);
  };
}
