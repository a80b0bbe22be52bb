// SPDX-License-Identifier: BSD-3-Clause
// Genuine populations, with no other retries than their kernels'.
#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <stdexcept>

#include "scenario.hpp"

namespace mitibox::arena {

using namespace std::chrono_literals;

namespace {

struct Population {
  std::string name;
  unsigned users = 1;  ///< behind each address
  unsigned addresses = 1;
  Time every{};  ///< between a user's connections, on average; 0: one alone
  Time span = 100s;
  double mistakes = 0;   ///< share of connections that go astray
  double forged = 0;     ///< SYNs a second of a spoofed flood
  bool regular = false;  ///< round after round, as monitors do
  bool mistake_first = false;
};

const std::vector<Population>& all() {
  static const std::vector<Population> list{
      {.name = "clients", .addresses = 10'000},
      {.name = "flooded", .addresses = 4'000, .span = 20s, .forged = 200'000},
      {.name = "mistaken", .addresses = 4'000, .mistake_first = true},
      {.name = "nat-1", .addresses = 256, .every = 10min, .span = 2h, .mistakes = 0.01},
      {.name = "nat-16",
       .users = 16,
       .addresses = 32,
       .every = 10min,
       .span = 2h,
       .mistakes = 0.01},
      {.name = "nat-256",
       .users = 256,
       .addresses = 4,
       .every = 10min,
       .span = 2h,
       .mistakes = 0.01},
      {.name = "nat-256-careful", .users = 256, .addresses = 4, .every = 10min, .span = 2h},
      {.name = "monitor", .users = 20, .addresses = 8, .every = 1min, .span = 2h, .regular = true},
  };
  return list;
}

class People {
 public:
  People(const Order& order, Population p)
      : p_(std::move(p)),
        world_(Family::v4, order.defence, order.seed, order.knobs),
        random_(order.seed + 3) {
    if (order.quick) {
      p_.addresses = std::max(1U, p_.addresses / 16);
      p_.span = std::min<Time>(p_.span, 20min);
      p_.forged /= 10;
    }
  }

  Figures run() {
    const Time start = world_.now() + 1s;
    end_ = start + p_.span;
    for (unsigned a = 0; a < p_.addresses; ++a)
      for (unsigned u = 0; u < p_.users; ++u) {
        const Time first = p_.every == Time{} ? p_.span * a / p_.addresses : spread(p_.every);
        world_.at(start + first, [this, a, u] { turn(a, u, 0); });
      }
    if (p_.forged > 0) flood();
    world_.run(end_ + 30s);
    return report({calls_, mistakes_, delays_, p_.addresses, p_.users}, {&world_});
  }

 private:
  Time spread(Time most) {
    return Time(static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most.count())));
  }
  bool chance(double share) { return static_cast<double>(random_() >> 11U) * 0x1p-53 < share; }

  void turn(unsigned address, unsigned user, unsigned round) {
    if (world_.now() >= end_) return;
    const bool astray = p_.mistake_first ? round == 0 : chance(p_.mistakes);
    const Network& net = world_.network();
    // A user has few services that he uses; a monitor looks at one each.
    const std::size_t which = (address * 7919ULL + user * 31ULL) % net.services.size();
    const Target& t =
        astray ? *net.mistakes[random_() % net.mistakes.size()] : *net.services[which];
    ++(astray ? mistakes_ : calls_);
    dial(world_,
         {client(world_.family(), address), t.address,
          static_cast<std::uint16_t>(1024 + (user * 251 + round * 17 + next_++) % 60000), t.port,
          static_cast<std::uint32_t>(random_()), 15s},
         [this, astray](Outcome o, Time took) {
           if (!astray && o == Outcome::data)
             delays_.push_back(static_cast<double>(took.count()) / 1e9);
         });
    if (p_.mistake_first && round == 0)
      world_.after(5s, [this, address, user] { turn(address, user, 1); });
    if (p_.every == Time{}) return;
    const Time wait = p_.regular ? p_.every : p_.every / 2 + spread(p_.every);
    world_.after(wait, [this, address, user, round] { turn(address, user, round + 1); });
  }

  void flood() {
    constexpr unsigned kAtOnce = 32;
    if (world_.now() >= end_) return;
    const Network& net = world_.network();
    for (unsigned i = 0; i < kAtOnce; ++i) {
      const Target& t = net.targets[random_() % net.targets.size()];
      Segment s;
      s.source = attacker(world_.family(), static_cast<std::uint32_t>(random_()));
      s.destination = t.address;
      s.source_port = static_cast<std::uint16_t>(1024 + random_() % 60000);
      s.destination_port = t.port;
      s.sequence = static_cast<std::uint32_t>(random_());
      s.flags = tcp::kSyn;
      s.look = kStacks[0];
      world_.send(s);
    }
    world_.after(Time(static_cast<std::int64_t>(1e9 * kAtOnce / p_.forged)), [this] { flood(); });
  }

  Population p_;
  World world_;
  std::mt19937_64 random_;
  Time end_{};
  std::uint64_t calls_ = 0, mistakes_ = 0, next_ = 0;
  std::vector<double> delays_;
};

}  // namespace

Figures report(const Served& served, std::initializer_list<World*> worlds) {
  const auto admitted = [](World* world, unsigned who) {
    return world->defence().admits(client(world->family(), who), Now(world->now()));
  };
  unsigned banned = 0;
  for (unsigned a = 0; a < served.addresses; ++a)
    banned += std::ranges::all_of(worlds, [&](World* w) { return admitted(w, a); }) ? 0 : 1;
  std::size_t remembered = 0;
  for (World* world : worlds) remembered += world->defence().remembered();
  return {{"connections", served.connections},
          {"mistakes", served.mistakes},
          {"seconds", served.seconds},
          {"addresses", served.addresses},
          {"users", served.users},
          {"banned at the end", banned},
          {"remembered", remembered}};
}

const std::vector<std::string>& populations() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> n;
    for (const Population& p : all()) n.push_back(p.name);
    for (const Retrying& r : retrying()) n.push_back(r.name);
    return n;
  }();
  return names;
}

Figures populate(const Order& order) {
  for (const Population& p : all())
    if (p.name == order.scenario) return People(order, p).run();
  for (const Retrying& r : retrying())
    if (r.name == order.scenario) return r.play(order);
  throw std::runtime_error("no such population: " + order.scenario);
}

}  // namespace mitibox::arena
