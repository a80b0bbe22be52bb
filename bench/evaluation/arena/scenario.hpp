// SPDX-License-Identifier: BSD-3-Clause
/// Who meets a defence, and what comes of it, as figures for the driver `compare`.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "world.hpp"

namespace mitibox::arena {

struct Order {
  std::string defence;
  std::string scenario;
  std::uint64_t seed = 1;
  bool quick = false;         ///< small budgets: seconds instead of minutes
  std::uint32_t sources = 0;  ///< 0: the scenario's own
  std::uint64_t packets = 0;  ///< 0: the scenario's own
  std::uint32_t pace = 0;     ///< of a scan, ms between attempts; 0: the scenario's own
  Knobs knobs;
};

using Figures = nlohmann::json;

/// Scans: what the attacker saw of each target, as counts of symbols.
const std::vector<std::string>& scans();
Figures scan(const Order& order);

/// Guesses by whoever speaks the application's protocol, at several paces: how many services
/// answered, how many wrong guesses were made, from how many sources in how many hours.
Figures guess(const Order& order);
/// SYNs in a client's name: for how long it is then refused.
Figures frame_client(const Order& order);
/// Forged sources against the memory of one that is held against: packets until it is forgotten.
Figures flush(const Order& order);
/// A worm among several sites, of which half or all are defended (and none, if that is asked
/// about): who is infected, by minute. `hit_list`: he knows some of the vulnerable beforehand.
Figures worm(const Order& order, bool hit_list);

/// Genuine populations: outcome and delay of each connection.
const std::vector<std::string>& populations();
Figures populate(const Order& order);
/// What became of a population whose addresses are client(family, 0) and so on.
struct Served {
  std::uint64_t connections;
  std::uint64_t mistakes;
  const std::vector<double>& seconds;  ///< of those that succeeded, in no order
  unsigned addresses;
  unsigned users;
};
/// With how many of them are held against in any of the worlds.
Figures report(const Served& served, std::initializer_list<World*> worlds);
/// Of these, the ones whose programs try again themselves.
struct Retrying {
  std::string name;
  Figures (*play)(const Order&);
};
const std::vector<Retrying>& retrying();

/// Any of the above by its name. Throws std::runtime_error when there is none.
Figures run(const Order& order);
std::vector<std::string> scenarios();

}  // namespace mitibox::arena
