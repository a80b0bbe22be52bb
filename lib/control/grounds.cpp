// SPDX-License-Identifier: BSD-3-Clause
#include "control/grounds.hpp"

#include <fmt/format.h>

#include <array>

#include "chain/chain.hpp"
#include "control/wall_time.hpp"

namespace mitibox {

namespace {

struct GroundsOf : Errand {
  explicit GroundsOf(const Address& s) : source(s) {}
  void serve(Chain& chain, Now now) override {
    count = chain.trust().grounds(source, now.time, grounds);
    asked_at = now.time;
  }

  const Address source;
  std::array<TrustLevel, Trust::kGrounds> grounds;
  std::size_t count = 0;
  Time asked_at{};
};

std::string evidence(const TrustLevel& g) {
  if (g.members != 0) return fmt::format("{} of {} sources proven", g.members, g.needed);
  if (g.repeats != 0) return fmt::format("proven, repeated {}", g.repeats);
  return g.proven ? "proven" : "unproven";
}

}  // namespace

Json grounds_of(Box& box, const Address& source) {
  GroundsOf asked(source);
  box.ask(box.owner_of(source), asked);
  Json rows = Json::array();
  for (std::size_t i = 0; i < asked.count; ++i) {
    const TrustLevel& g = asked.grounds[i];
    Json row{{"on", to_string(g.on)},
             {"evidence", evidence(g)},
             {"number", g.number},
             {"diverted_share", g.divert}};
    if (g.number != 0) {
      row["until"] = date_of(g.until, asked.asked_at);
      row["left_s"] = seconds_until(g.until, asked.asked_at);
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace mitibox
