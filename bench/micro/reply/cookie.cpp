// SPDX-License-Identifier: BSD-3-Clause
#include "reply/cookie.hpp"

#include "../micro.hpp"

using namespace mitibox;
using namespace mitibox::bench;

TEST_CASE("Cookie") {
  const std::vector<Packet> packets = syns(kBurst);
  const Now now(std::chrono::hours(1));
  Cookie cookie({1, 2});
  std::array<std::uint32_t, kBurst> isns{};
  const auto handshake = [&](std::size_t i) {
    return Handshake{packets[i].key, Family::v4, packets[i].sequence};
  };
  for (std::size_t i = 0; i < kBurst; ++i) isns[i] = cookie.make(handshake(i), {}, now);
  BENCHMARK("check of a right one", i) {
    const std::size_t k = static_cast<std::size_t>(i) % kBurst;
    return cookie.check(handshake(k), isns[k], now).has_value();
  };
  BENCHMARK("check of a wrong one", i) {
    const std::size_t k = static_cast<std::size_t>(i) % kBurst;
    return cookie.check(handshake(k), isns[k] + 1, now).has_value();
  };
}
