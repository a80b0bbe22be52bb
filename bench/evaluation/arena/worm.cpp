// SPDX-License-Identifier: BSD-3-Clause
// A worm: whoever is infected tries addresses of all sites at random, some of which are defended.
#include <array>
#include <memory>
#include <random>

#include "scenario.hpp"

namespace mitibox::arena {

using namespace std::chrono_literals;

namespace {

constexpr unsigned kSites = 12;
constexpr std::uint16_t kPort = 3306;
constexpr unsigned kOneVulnerable = 8;  ///< of so many hosts that serve the port
constexpr unsigned kFirst = 8;          ///< infected at the beginning, at no site
constexpr unsigned kRate = 2;           ///< attempts a second of each who is infected

class Worm {
 public:
  Worm(const Order& order, unsigned defended) : random_(order.seed + 21), defended_(defended) {
    Knobs knobs = order.knobs;
    knobs.small = true;
    for (unsigned i = 0; i < kSites; ++i) {
      const bool with = i < defended;
      sites_.push_back({std::make_unique<World>(Family::v4, with ? order.defence : "none",
                                                order.seed * 100 + i, knobs),
                        {}});
      for (const Target* t : sites_[i].world->network().services)
        if (t->port == kPort && random_() % kOneVulnerable == 0) {
          sites_[i].fate[t->address] = false;
          ++vulnerable_[with ? 1 : 0];
        }
    }
    for (unsigned i = 0; i < kFirst; ++i) infected_.push_back({attacker(Family::v4, i), kSites});
  }

  Figures run(unsigned seconds) {
    Figures f;
    f["defended"] = defended_;
    f["sites"] = kSites;
    f["vulnerable"] = vulnerable_;
    for (unsigned second = 0; second < seconds; ++second) {
      const std::size_t active = infected_.size();  // who falls in this second tries from the next
      for (std::size_t who = 0; who < active; ++who)
        for (unsigned i = 0; i < kRate; ++i) attempt(who);
      for (Site& s : sites_) s.world->run(s.world->now() + 1s);
      if (second % 60 == 59) f["infected"].push_back(fallen_);
    }
    return f;
  }

 private:
  struct Infected {
    Address address;  ///< as other sites see it
    unsigned site;
  };
  struct Site {
    std::unique_ptr<World> world;
    std::unordered_map<Address, bool, AddressHash> fate;  ///< of the vulnerable: infected?
  };

  void attempt(std::size_t who) {
    const auto to = static_cast<unsigned>(random_() % kSites);
    if (to == infected_[who].site) return;  // no box stands between hosts of one site
    World& world = *sites_[to].world;
    const Network& net = world.network();
    const std::uint64_t draw = random_() % (net.hosts.size() + net.empty.size());
    const Address target = draw < net.empty.size()
                               ? net.empty[draw]
                               : net.targets[random_() % net.targets.size()].address;
    dial(world,
         {infected_[who].address, target, port_++, kPort, static_cast<std::uint32_t>(random_()),
          10s},
         [this, to, target](Outcome o, Time) {
           const auto at = sites_[to].fate.find(target);
           if (o != Outcome::data || at == sites_[to].fate.end() || at->second) return;
           at->second = true;
           ++fallen_[to < defended_ ? 1 : 0];
           const auto number = static_cast<std::uint32_t>(1000 + infected_.size());
           infected_.push_back({attacker(Family::v4, number), to});
         });
  }

  std::mt19937_64 random_;
  unsigned defended_;
  std::vector<Infected> infected_;
  std::array<unsigned, 2> vulnerable_{}, fallen_{};  ///< at sites without and with the defence
  std::uint16_t port_ = 1024;
  std::vector<Site> sites_;
};

}  // namespace

Figures worm(const Order& order) {
  Figures f;
  for (const unsigned defended : {0U, kSites / 2, kSites})
    f["runs"].push_back(Worm(order, defended).run(order.quick ? 300 : 3600));
  return f;
}

}  // namespace mitibox::arena
