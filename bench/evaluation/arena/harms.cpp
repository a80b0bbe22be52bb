// SPDX-License-Identifier: BSD-3-Clause
// Attackers who verify guesses, or who turn a defence against others.
#include <algorithm>
#include <array>
#include <memory>
#include <random>

#include "scenario.hpp"

namespace mitibox::arena {

using namespace std::chrono_literals;

namespace {

constexpr unsigned kOneReal = 16;  ///< of so many guesses one is right

/// One kind of guesser: so many sources, each at this pace, for so long.
struct Guessing {
  std::uint32_t sources;
  Time pace;
  Time span;
};

struct Guessed {
  std::uint64_t wrong = 0, right = 0, found = 0;
};

Guessed guess_at(const Order& order, const Guessing& g, Rotation how) {
  const bool rotates = how != Rotation::none;
  World world(rotates ? Family::v6 : Family::v4, order.defence, order.seed, order.knobs);
  std::mt19937_64 random(order.seed + 5);
  const Network& net = world.network();
  Guessed all;
  const auto rounds = static_cast<std::uint64_t>(g.span / g.pace);
  std::function<void(std::uint32_t, std::uint64_t)> next = [&](std::uint32_t who,
                                                               std::uint64_t round) {
    if (round == rounds) return;
    const bool real = random() % kOneReal == 0;
    // Each guess is a new one: the draws of partial distrust are by destination.
    const Target& t = real ? *net.services[(round * 37 + who * 11) % net.services.size()]
                           : *net.mistakes[(round * 37 + who * 11) % net.mistakes.size()];
    ++(real ? all.right : all.wrong);
    const std::uint32_t number = rotates ? static_cast<std::uint32_t>(round) : who;
    const Address from = rotates ? rotated(how, number) : attacker(world.family(), number);
    dial(world,
         {from, t.address, static_cast<std::uint16_t>(1024 + round % 60000), t.port,
          static_cast<std::uint32_t>(random()), 10s},
         [&all, real](Outcome o, Time) {
           if (real && o == Outcome::data) ++all.found;
         });
    world.after(g.pace, [&next, who, round] { next(who, round + 1); });
  };
  for (std::uint32_t who = 0; who < g.sources; ++who)
    world.after(1s + who * 7ms, [&next, who] { next(who, 0); });
  world.run(world.now() + g.span + 60s);
  return all;
}

}  // namespace

Figures guess(const Order& order) {
  const unsigned size = order.quick ? 1 : 8;
  const std::vector<Guessing> paces{{32 * size, 2401s, 8h},
                                    {16 * size, 601s, 8h},
                                    {8 * size, 60s, 8h},
                                    {4 * size, 10s, 8h},
                                    {4 * size, 2s, 4h}};
  Figures f;
  for (const Guessing& g : paces) {
    const Guessed one = guess_at(order, g, Rotation::none);
    f["paces"].push_back({{"seconds", g.pace / 1s},
                          {"sources", g.sources},
                          {"hours", g.span / 1h},
                          {"wrong", one.wrong},
                          {"right", one.right},
                          {"found", one.found}});
  }
  // A /48 in its first ten minutes.
  const Guessing wide{1, order.quick ? Time(1s) : Time(50ms), 10min};
  for (const auto& [name, how] :
       {std::pair{"in a row", Rotation::row}, std::pair{"spread", Rotation::spread}}) {
    const Guessed one = guess_at(order, wide, how);
    f["prefix"].push_back(
        {{"order", name}, {"wrong", one.wrong}, {"right", one.right}, {"found", one.found}});
  }
  return f;
}

namespace {

/// For how many minutes of the next hour a client is refused, after so many forged SYNs.
double refused_after(const Order& order, unsigned forged) {
  World world(Family::v4, order.defence, order.seed + forged, order.knobs);
  std::mt19937_64 random(order.seed + 9);
  const Network& net = world.network();
  const Address victim = client(world.family(), 1);
  for (unsigned i = 0; i < forged; ++i)
    world.after(i * 10ms, [&world, &random, &net, victim] {
      const Target& t = *net.mistakes[random() % net.mistakes.size()];
      Segment s;
      s.source = victim;
      s.destination = t.address;
      s.source_port = static_cast<std::uint16_t>(1024 + random() % 60000);
      s.destination_port = t.port;
      s.sequence = static_cast<std::uint32_t>(random());
      s.flags = tcp::kSyn;
      s.look = kStacks[0];
      world.send(s);
    });
  // Whatever decides after a while has decided then.
  const Time start = world.now() + forged * 10ms + 5s;
  constexpr Time kEvery = 30s;
  const unsigned calls = order.quick ? 40 : 120;
  unsigned refused = 0;
  for (unsigned i = 0; i < calls; ++i)
    world.at(start + i * kEvery, [&, i] {
      dial(world,
           {victim, net.known.address, static_cast<std::uint16_t>(2000 + i), net.known.port,
            static_cast<std::uint32_t>(random()), 10s},
           [&refused](Outcome o, Time) { refused += o == Outcome::data ? 0 : 1; });
    });
  world.run(start + calls * kEvery + 30s);
  return refused * static_cast<double>(kEvery / 1s) / 60;
}

}  // namespace

Figures frame_client(const Order& order) {
  Figures f;
  f["of minutes"] = order.quick ? 20 : 60;
  f["control"] = refused_after(order, 0);
  for (const unsigned n : {1U, 2U, 4U, 8U, 16U, 64U, 256U, 1024U})
    if (!order.quick || n <= 64) f["forged"].push_back({n, refused_after(order, n)});
  return f;
}

Figures flush(const Order& order) {
  World world(Family::v4, order.defence, order.seed, order.knobs);
  std::mt19937_64 random(order.seed + 13);
  const Network& net = world.network();
  const Address scanner = attacker(world.family(), 1);
  std::uint16_t port = 1024;
  const auto call = [&](const Target& t, std::function<void(Outcome, Time)> done) {
    dial(world, {scanner, t.address, port++, t.port, static_cast<std::uint32_t>(random()), 10s},
         std::move(done));
  };
  for (unsigned i = 0; i < 12; ++i) {
    call(*net.mistakes[i], [](Outcome, Time) {});
    world.run(world.now() + 200ms);
  }
  world.run(world.now() + 12s);
  Figures f;
  const bool held = !world.defence().admits(scanner, Now(world.now()));
  f["held against"] = held;
  f["remembered"] = world.defence().remembered();
  const std::uint64_t most = order.quick ? 20'000 : 1'000'000;
  f["sent"] = held ? most : 0;
  f["forgotten after"] = nullptr;
  for (std::uint64_t sent = 0; held && sent < most;) {
    // Four destinations in a row for each forged source: what a detector needs.
    for (unsigned i = 0; i < 1024; i += 4) {
      const Address from = attacker(world.family(), static_cast<std::uint32_t>(1000 + sent / 4));
      for (unsigned k = 0; k < 4; ++k, ++sent) {
        const Target& t = *net.mistakes[random() % net.mistakes.size()];
        Segment s;
        s.source = from;
        s.destination = t.address;
        s.source_port = static_cast<std::uint16_t>(1024 + random() % 60000);
        s.destination_port = t.port;
        s.sequence = static_cast<std::uint32_t>(random());
        s.flags = tcp::kSyn;
        s.look = kStacks[0];
        world.send(s);
      }
    }
    world.run(world.now() + 50ms);
    if (!world.defence().admits(scanner, Now(world.now()))) continue;
    f["forgotten after"] = sent;
    break;
  }
  return f;
}

}  // namespace mitibox::arena
