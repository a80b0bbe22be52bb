// SPDX-License-Identifier: BSD-3-Clause
#include "shard/handoff.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <vector>

#include "../packet/probe_frames.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

rte_mbuf* frame(std::uint16_t port) {
  rte_mbuf* m = rte_pktmbuf_alloc(probe_pool());
  REQUIRE(m != nullptr);
  m->port = port;
  return m;
}

struct Run {
  std::uint16_t port;
  std::vector<rte_mbuf*> frames;
};

std::vector<Run> drain(HandOff& rings, unsigned to) {
  std::vector<Run> runs;
  rings.drain(to, [&](std::uint16_t port, std::span<rte_mbuf* const> frames) {
    runs.push_back({port, {frames.begin(), frames.end()}});
    for (rte_mbuf* m : frames) rte_pktmbuf_free(m);
  });
  return runs;
}

}  // namespace

TEST_CASE("hand-off: frames arrive in order, in runs of one port, at one worker", "[shard]") {
  HandOff rings("order", 3);
  HandOff::Outbox box(rings, 1);
  std::vector<rte_mbuf*> given;
  for (const std::uint16_t port : std::to_array<std::uint16_t>({0, 0, 1, 1, 1, 0})) {
    given.push_back(frame(port));
    box.put(2, given.back());
  }
  rte_mbuf* other = frame(0);
  box.put(0, other);
  CHECK(box.flush([](rte_mbuf*) { FAIL("refused"); }) == 7);
  CHECK(drain(rings, 1).empty());
  const auto runs = drain(rings, 2);
  REQUIRE(runs.size() == 3);
  CHECK(runs[0].port == 0);
  CHECK(runs[0].frames == std::vector(given.begin(), given.begin() + 2));
  CHECK(runs[1].port == 1);
  CHECK(runs[1].frames == std::vector(given.begin() + 2, given.begin() + 5));
  CHECK(runs[2].port == 0);
  CHECK(runs[2].frames == std::vector(given.begin() + 5, given.end()));
  const auto others = drain(rings, 0);
  REQUIRE(others.size() == 1);
  CHECK(others[0].frames == std::vector{other});
  CHECK(box.flush([](rte_mbuf*) { FAIL("refused"); }) == 0);
}

TEST_CASE("hand-off: what finds no room is refused, the newest first", "[shard]") {
  HandOff rings("full", 2, 4);
  HandOff::Outbox box(rings, 0);
  std::vector<rte_mbuf*> given;
  for (int i = 0; i < 6; ++i) {
    given.push_back(frame(0));
    box.put(1, given.back());
  }
  std::vector<rte_mbuf*> refused;
  CHECK(box.flush([&](rte_mbuf* m) { refused.push_back(m); }) == 4);
  CHECK(refused == std::vector(given.begin() + 4, given.end()));
  for (rte_mbuf* m : refused) rte_pktmbuf_free(m);
  const auto runs = drain(rings, 1);
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].frames == std::vector(given.begin(), given.begin() + 4));
}
