// SPDX-License-Identifier: BSD-3-Clause
/// What control threads ask the lcores for.
#pragma once

#include "chain/chain.hpp"
#include "shard/mailbox.hpp"

namespace mitibox {

/// How far a source is distrusted; ask its owner.
struct LevelOf : Errand {
  explicit LevelOf(const Address& s) : source(s) {}
  void serve(Chain& chain, Now now) override {
    level = chain.trust().level(source, now.time);
    asked_at = now.time;
  }

  const Address source;
  TrustLevel level;
  Time asked_at{};
};

}  // namespace mitibox
