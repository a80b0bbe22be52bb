// SPDX-License-Identifier: BSD-3-Clause
/// What a chain goes by, as far as it may change while packets pass.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.hpp"
#include "chain/learning.hpp"
#include "policy/policy.hpp"
#include "probability/share.hpp"
#include "ruleset/bypasses.hpp"
#include "ruleset/ruleset.hpp"
#include "tracker/timeouts.hpp"
#include "trust/trust.hpp"

namespace mitibox {

/// Connections from outside that one lcore has let in to a row of the Ruleset.
struct Hit {
  std::uint64_t count = 0;
  Time last{};  ///< the box's time
};

/// Made whole by a control thread, for one lcore; taken over in one step between two bursts, and
/// what was in force before is given back in its place: nothing is allocated or freed there.
struct Orders {
  /// `rules`: never null; shared by all lcores.
  Orders(const Policy& policy, std::shared_ptr<const Ruleset> rules)
      : ruleset(std::move(rules)),
        hits(ruleset->rows()),
        trust(policy),
        attempts_count(policy.trust.evidence != Policy::Evidence::proof),
        drop(policy.probability.drop),
        timeouts(policy),
        hairpin(policy.hairpin),
        monitors(policy.mode == Policy::Mode::monitor) {}
  explicit Orders(const Policy& policy) : Orders(policy, std::make_shared<const Ruleset>(policy)) {}

  std::shared_ptr<const Ruleset> ruleset;
  /// What was in force until lately: who began under it is judged by the kinder of both.
  std::shared_ptr<const Ruleset> before;
  std::vector<Hit> hits;  ///< by row; written by the lcore
  Trust::Rules trust;
  bool attempts_count;  ///< as evidence, without a proof
  Share drop;
  Timeouts timeouts;
  Policy::Hairpin hairpin;
  bool monitors;  ///< judges and counts, but changes no packet
  Bypasses bypasses;
  Learning learning;
};

}  // namespace mitibox
