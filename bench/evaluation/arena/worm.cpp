// SPDX-License-Identifier: BSD-3-Clause
// A worm: whoever is infected tries addresses of all sites at random, some of which are defended.
// With a hit list (Staniford et al. 2002) the first tries are for hosts that are known to fall.
#include <algorithm>
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
constexpr unsigned kListed = 100;       ///< of the vulnerable on the hit list, of all sites
constexpr unsigned kRate = 2;           ///< attempts a second of each who is infected

class Worm {
 public:
  Worm(const Order& order, unsigned defended, bool hit_list)
      : random_(order.seed + 21), defended_(defended) {
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
          if (hit_list) list_.push_back({t->address, i});
        }
    }
    std::shuffle(list_.begin(), list_.end(), random_);
    if (list_.size() > kListed) list_.resize(kListed);
    for (unsigned i = 0; i < kFirst; ++i) infected_.push_back({attacker(Family::v4, i), kSites});
  }

  Figures run(unsigned seconds) {
    Figures f;
    f["defended"] = defended_;
    f["sites"] = kSites;
    f["vulnerable"] = vulnerable_;
    f["listed"] = list_.size();
    for (unsigned second = 0; second < seconds; ++second) {
      if (fallen_ != vulnerable_) step();  // else nothing changes any more
      if (second % 60 == 59) f["infected"].push_back(fallen_);
    }
    return f;
  }

 private:
  struct Place {
    Address address;  ///< of whoever is infected: as other sites see it
    unsigned site;
  };
  struct Site {
    std::unique_ptr<World> world;
    std::unordered_map<Address, bool, AddressHash> fate;  ///< of the vulnerable: infected?
  };

  /// A second.
  void step() {
    const std::size_t active = infected_.size();  // who falls in it tries from the next
    for (std::size_t who = 0; who < active; ++who)
      for (unsigned i = 0; i < kRate; ++i) attempt(who);
    for (Site& s : sites_) s.world->run(s.world->now() + 1s);
  }

  /// Each on the list is tried once, by whoever is next and not of its own site: no box stands
  /// between hosts of one site.
  Place draw(std::size_t who) {
    for (std::size_t i = 0; i < list_.size(); ++i)
      if (const Place p = list_[i]; p.site != infected_[who].site) {
        list_.erase(list_.begin() + static_cast<std::ptrdiff_t>(i));
        return p;
      }
    const auto to = static_cast<unsigned>(random_() % kSites);
    if (to == infected_[who].site) return {{}, kSites};
    const Network& net = sites_[to].world->network();
    const std::uint64_t which = random_() % (net.hosts.size() + net.empty.size());
    return {which < net.empty.size() ? net.empty[which]
                                     : net.targets[random_() % net.targets.size()].address,
            to};
  }

  void attempt(std::size_t who) {
    const auto [target, to] = draw(who);
    if (to == kSites) return;
    World& world = *sites_[to].world;
    dial(world,
         {infected_[who].address, target, port_++, kPort, static_cast<std::uint32_t>(random_()),
          10s},
         [this, to = to, target = target](Outcome o, Time) {
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
  std::vector<Place> infected_;
  std::array<unsigned, 2> vulnerable_{}, fallen_{};  ///< at sites without and with the defence
  std::uint16_t port_ = 1024;
  std::vector<Site> sites_;
  std::vector<Place> list_;  ///< what of the hit list is untried
};

}  // namespace

Figures worm(const Order& order, bool hit_list) {
  Figures f;
  for (const unsigned defended : {0U, kSites / 2, kSites})
    if (defended > 0 || order.defence == "none")  // the same whatever the defence
      f["runs"].push_back(Worm(order, defended, hit_list).run(order.quick ? 300 : 3600));
  return f;
}

}  // namespace mitibox::arena
