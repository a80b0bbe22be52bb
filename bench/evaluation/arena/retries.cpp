// SPDX-License-Identifier: BSD-3-Clause
// Genuine populations whose programs try again, beyond what a kernel does.
#include <algorithm>
#include <array>
#include <random>

#include "scenario.hpp"

namespace mitibox::arena {

using namespace std::chrono_literals;

namespace {

double seconds(Time span) {
  return static_cast<double>(span.count()) / 1e9;
}

/// Happy Eyeballs (RFC 8305): IPv6 first, 250 ms later IPv4 as well, and whichever is established
/// first is used. Networks of one seed are alike but for their addresses, so that one for each
/// family is a dual-stack one; what a defence holds against sources is separate for each anyway.
class Eyeballs {
 public:
  explicit Eyeballs(const Order& order)
      : clients_(order.quick ? 625 : 10'000),
        six_(Family::v6, order.defence, order.seed, order.knobs),
        four_(Family::v4, order.defence, order.seed, order.knobs),
        random_(order.seed + 3) {}

  Figures run() {
    constexpr Time kSpan = 100s;
    const Time start = six_.now() + 1s;
    for (unsigned i = 0; i < clients_; ++i) call(i, start + kSpan * i / clients_);
    // Each learns within a step what the other knows.
    constexpr Time kStep = 1ms;
    for (Time t = start; t <= start + kSpan + 30s; t += kStep) {
      six_.run(t);
      four_.run(t);
    }
    return report({clients_, 0, delays_, clients_, 1}, {&six_, &four_});
  }

 private:
  void call(unsigned who, Time when) {
    constexpr Time kHeadStart = 250ms;
    const auto won = std::make_shared<bool>(false);
    six_.at(when, [this, who, won] { dial_in(six_, who, won, 0s); });
    four_.at(when + kHeadStart, [this, who, won] {
      if (!*won) dial_in(four_, who, won, kHeadStart);
    });
  }

  void dial_in(World& world, unsigned who, const std::shared_ptr<bool>& won, Time late) {
    const auto& services = world.network().services;
    const Target& t = *services[who * 7919ULL % services.size()];
    dial(world,
         {client(world.family(), who), t.address, static_cast<std::uint16_t>(1024 + who % 60000),
          t.port, static_cast<std::uint32_t>(random_()), 15s, won},
         [this, late](Outcome o, Time took) {
           if (o == Outcome::data) delays_.push_back(seconds(late + took));
         });
  }

  unsigned clients_;
  World six_, four_;
  std::mt19937_64 random_;
  std::vector<double> delays_;
};

/// Mail servers as large providers run them: a message that finds no answer within 30 s is tried
/// again 5 and 15 minutes after the first time, each time from the next address of a pool.
class Mail {
 public:
  Mail(const Order& order, double mistakes)
      : pools_(order.quick ? 8 : 64),
        span_(order.quick ? 20min : 2h),
        mistaken_(mistakes),
        world_(Family::v4, order.defence, order.seed, order.knobs),
        random_(order.seed + 3) {
    const auto mail = [](const std::vector<const Target*>& from) {
      std::vector<const Target*> some;
      for (const Target* t : from)
        if (t->port == 25) some.push_back(t);
      return some;
    };
    right_ = mail(world_.network().services);
    wrong_ = mail(world_.network().mistakes);
  }

  Figures run() {
    constexpr Time kEvery = 1min;  // a message of each pool
    const Time start = world_.now() + 1s;
    // All is drawn before anything happens, so that each defence has the same messages.
    for (unsigned pool = 0; pool < pools_; ++pool)
      for (Time t{}; t < span_; t += kEvery) {
        const bool astray = static_cast<double>(random_() >> 11U) * 0x1p-53 < mistaken_;
        const auto& to = astray ? wrong_ : right_;
        const auto first = static_cast<unsigned>(random_() % kPool);
        const Time begun = start + t + Time(static_cast<std::int64_t>(random_() % kEvery.count()));
        const Message m{pool, first, to[random_() % to.size()], astray, begun};
        ++(astray ? mistakes_ : messages_);
        world_.at(begun, [this, m] { attempt(m, 0); });
      }
    world_.run(start + span_ + kAgain.back() + kPatience + 1min);
    return report({messages_, mistakes_, delays_, pools_ * kPool, 1}, {&world_});
  }

 private:
  static constexpr unsigned kPool = 4;
  static constexpr std::array<Time, 3> kAgain{0min, 5min, 15min};
  static constexpr Time kPatience = 30s;
  struct Message {
    unsigned pool, first;  ///< of the pool's addresses
    const Target* to;
    bool astray;
    Time begun;
  };

  void attempt(const Message& m, std::size_t number) {
    const unsigned address = m.pool * kPool + (m.first + static_cast<unsigned>(number)) % kPool;
    dial(world_,
         {client(world_.family(), address), m.to->address,
          static_cast<std::uint16_t>(1024 + next_++ % 60000), m.to->port,
          static_cast<std::uint32_t>(random_()), kPatience},
         [this, m, number](Outcome o, Time) {
           if (o == Outcome::data) {
             if (!m.astray) delays_.push_back(seconds(world_.now() - m.begun));
           } else if (number + 1 < kAgain.size()) {
             world_.at(m.begun + kAgain[number + 1], [this, m, number] { attempt(m, number + 1); });
           }
         });
  }

  unsigned pools_;
  Time span_;
  double mistaken_;
  World world_;
  std::mt19937_64 random_;
  std::vector<const Target*> right_, wrong_;
  std::uint64_t messages_ = 0, mistakes_ = 0, next_ = 0;
  std::vector<double> delays_;
};

/// DNS clients as glibc's resolver is by default: a query that finds no answer within 5 s is asked
/// once more from the same socket, and after 5 s more given up.
class Dns {
 public:
  explicit Dns(const Order& order)
      : clients_(order.quick ? 625 : 10'000),
        world_(Family::v4, order.defence, order.seed, order.knobs) {}

  Figures run() {
    constexpr Time kSpan = 100s;
    const Time start = world_.now() + 1s;
    for (unsigned i = 0; i < clients_; ++i)
      world_.at(start + kSpan * i / clients_, [this, i] { query(i); });
    world_.run(start + kSpan + 30s);
    return report({clients_, 0, delays_, clients_, 1}, {&world_});
  }

 private:
  static constexpr Time kWait = 5s;

  void query(unsigned who) {
    const auto& services = world_.network().services;
    const Target& t = *services[who * 7919ULL % services.size()];
    Segment s;
    s.carrier = Carrier::udp;
    s.source = client(world_.family(), who);
    s.destination = t.address;
    s.source_port = static_cast<std::uint16_t>(1024 + who % 60000);
    s.destination_port = t.port;
    s.length = 40;
    s.look = kStacks[0];
    const auto served = std::make_shared<bool>(false);
    world_.listen(s.source, s.source_port, [this, served, begun = world_.now()](const Segment& r) {
      if (*served || !r.agrees()) return;
      *served = true;
      delays_.push_back(seconds(world_.now() - begun));
    });
    world_.send(s);
    world_.after(kWait, [this, s, served] {
      if (!*served) world_.send(s);
    });
    world_.after(2 * kWait, [this, s] { world_.unlisten(s.source, s.source_port); });
  }

  unsigned clients_;
  World world_;
  std::vector<double> delays_;
};

}  // namespace

const std::vector<Retrying>& retrying() {
  static const std::vector<Retrying> all{
      {"eyeballs", [](const Order& order) { return Eyeballs(order).run(); }},
      {"dns", [](const Order& order) { return Dns(order).run(); }},
      {"mail", [](const Order& order) { return Mail(order, 0).run(); }},
      {"mail-astray", [](const Order& order) { return Mail(order, 0.01).run(); }},
  };
  return all;
}

}  // namespace mitibox::arena
