// SPDX-License-Identifier: BSD-3-Clause
#include "network.hpp"

#include <algorithm>
#include <random>

namespace mitibox::arena {

namespace {

constexpr std::array<std::uint16_t, 12> kPorts{21,  22,  25,  80,   110,  143,
                                               443, 587, 993, 3306, 5432, 8080};
constexpr std::size_t kServed = 8;
constexpr unsigned kLive = 256, kDark = 85;

Address inside(Family family, unsigned number) {
  if (family == Family::v4) return Address(be32(0xcb007000U + number));
  std::array<std::uint8_t, 16> a{0x20, 0x01, 0x0d, 0xb8, 0, 1};
  a[14] = static_cast<std::uint8_t>(number >> 8U);
  a[15] = static_cast<std::uint8_t>(number);
  return Address(a);
}

Address outside6(std::uint16_t first, std::uint32_t number) {
  std::array<std::uint8_t, 16> a{static_cast<std::uint8_t>(first >> 8U),
                                 static_cast<std::uint8_t>(first)};
  for (unsigned i = 0; i < 4; ++i) a[2 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  a[15] = 1;
  return Address(a);
}

}  // namespace

Network::Network(Family family, std::uint64_t seed)
    : prefix(parse_prefix(family == Family::v4 ? "203.0.112.0/22" : "2001:db8:1::/64").value()) {
  std::mt19937_64 random(seed);
  std::vector<unsigned> places(1000);
  for (unsigned i = 0; i < places.size(); ++i) places[i] = i + 8;
  std::shuffle(places.begin(), places.end(), random);
  const auto look = [&] { return kStacks[random() % kStacks.size()]; };
  known = {inside(family, places[kLive + kDark]), 443, Kind::service};
  for (std::size_t i = kLive + kDark + 1; i < places.size(); ++i)
    empty.push_back(inside(family, places[i]));
  hosts[known.address] = kStacks[0];
  ports[known.address] = {443};
  for (unsigned h = 0; h < kLive + kDark; ++h) {
    const Address a = inside(family, places[h]);
    std::array<std::uint16_t, kPorts.size()> order = kPorts;
    std::shuffle(order.begin(), order.end(), random);
    if (h < kLive) hosts[a] = look();
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Kind kind = h >= kLive ? Kind::dark : i < kServed ? Kind::service : Kind::closed;
      targets.push_back({a, order[i], kind});
      if (kind == Kind::service) ports[a].push_back(order[i]);
    }
    std::sort(ports[a].begin(), ports[a].end());
    if (h >= kLive) ports.erase(a);
  }
  std::sort(targets.begin(), targets.end(), [](const Target& a, const Target& b) {
    return a.address != b.address ? a.address < b.address : a.port < b.port;
  });
  for (const Target& t : targets) (t.kind == Kind::service ? services : mistakes).push_back(&t);
  std::shuffle(services.begin(), services.end(), random);
  std::shuffle(mistakes.begin(), mistakes.end(), random);
}

bool Network::serves(const Address& a, std::uint16_t port) const {
  const auto at = ports.find(a);
  return at != ports.end() && std::binary_search(at->second.begin(), at->second.end(), port);
}

Address attacker(Family family, std::uint32_t number) {
  const std::uint32_t spread = number * 0x9e3779b1U;
  return family == Family::v4 ? Address(be32(0x0b000000U + (spread & 0x3fffffffU)))
                              : outside6(0x2a00, spread);
}

Address client(Family family, std::uint32_t number) {
  const std::uint32_t spread = number * 0x9e3779b1U;
  return family == Family::v4 ? Address(be32(0x80000000U + (spread & 0x1fffffffU)))
                              : outside6(0x2600, spread);
}

Address rotated(Rotation how, std::uint32_t number) {
  std::array<std::uint8_t, 16> a{0x2a, 0x03, 0, 1, 0, 1};
  const auto high = static_cast<std::uint8_t>(number >> 8U);
  const auto low = static_cast<std::uint8_t>(number);
  a[6] = how == Rotation::row ? high : low;
  a[7] = how == Rotation::row ? low : high;
  a[15] = 1;
  return Address(a);
}

}  // namespace mitibox::arena
