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

/// What an attempt would meet; ask the source's owner.
struct Foretell : Errand {
  Foretell(const Address& s, const Destination& d) : source(s), to(d) {}
  void serve(Chain& chain, Now now) override { forecast = chain.foretell(source, to, now); }

  const Address source;
  const Destination to;
  Forecast forecast;
};

}  // namespace mitibox
