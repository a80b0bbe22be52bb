// SPDX-License-Identifier: BSD-3-Clause
/// What the counters of all workers say at one moment, and what happened between two.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <string>

#include "chain/reasons.hpp"
#include "observe/counters.hpp"

namespace mitibox::bench {

/// What the counters say at one moment.
struct Sample {
  std::uint64_t cycles = 0;
  std::array<std::uint64_t, kSides> received{}, forwarded{}, refused{}, made{}, made_refused{},
      handed{};
  std::array<std::uint64_t, kReasons.size()> ended{};

  void add(const Counters& c) {
    const auto sides = [](auto& to, const auto& from) {
      for (std::size_t i = 0; i < kSides; ++i) to[i] += from[i].get();
    };
    sides(received, c.received);
    sides(forwarded, c.forwarded);
    sides(refused, c.refused);
    sides(made, c.made);
    sides(made_refused, c.made_refused);
    sides(handed, c.handed);
    for (std::size_t i = 0; i < kReasons.size(); ++i) ended[i] += c.ended[i].get();
  }
};

/// What happened between two samples, as members of a JSON object.
inline std::string difference(const Sample& a, const Sample& b) {
  const auto sides = [](const char* name, const auto& from, const auto& to) {
    constexpr std::size_t kOut = index(Side::outside);
    constexpr std::size_t kIn = index(Side::inside);
    return fmt::format("\"{}\": {{\"outside\": {}, \"inside\": {}}}, ", name, to[kOut] - from[kOut],
                       to[kIn] - from[kIn]);
  };
  std::string out = sides("received", a.received, b.received) +
                    sides("forwarded", a.forwarded, b.forwarded) +
                    sides("refused", a.refused, b.refused) + sides("made", a.made, b.made) +
                    sides("made_refused", a.made_refused, b.made_refused) +
                    sides("handed", a.handed, b.handed) + "\"ended\": {";
  const char* comma = "";
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    if (b.ended[i] == a.ended[i]) continue;
    out += fmt::format("{}\"{}\": {}", comma, kReasons[i].name, b.ended[i] - a.ended[i]);
    comma = ", ";
  }
  return out + "}";
}

}  // namespace mitibox::bench
