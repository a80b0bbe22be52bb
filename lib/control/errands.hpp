// SPDX-License-Identifier: BSD-3-Clause
/// What control threads ask the lcores for.
#pragma once

#include <algorithm>
#include <array>
#include <optional>

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

/// Another selection of events; ask each worker, and call EventLog::configure().
struct SetEvents : Errand {
  explicit SetEvents(const Policy::Events& events) : wanted(Recorder::Config::of(events, 0)) {}
  void serve(Chain& chain, Now /*now*/) override {
    if (Observer* const o = chain.observer(); o != nullptr)
      o->recorder.configure(wanted.types, wanted.rate, chain.counters().ended);
  }

  const Recorder::Config wanted;
};

/// Begins to capture, or with no filter ends it. What is captured is taken from `capture`.
struct SetCapture : Errand {
  explicit SetCapture(const std::optional<Capture::Filter>& f) : filter(f) {}
  void serve(Chain& chain, Now now) override {
    if (chain.observer() == nullptr) return;
    capture = &chain.observer()->capture;
    asked_at = now.time;
    if (filter)
      capture->start(*filter);
    else
      capture->stop();
  }

  const std::optional<Capture::Filter> filter;
  Capture* capture = nullptr;  ///< of that lcore; nullptr: it has none
  Time asked_at{};
};

/// Copies some of the heavy hitters of one lcore; ask until `over`, or use top().
struct TopOf : Errand {
  enum class What : std::uint8_t { sources, destinations };
  static constexpr std::size_t kChunk = 64;  ///< each source is looked up in Trust
  struct Row : HeavyHitters::Row {
    TrustLevel level;  ///< of sources
  };

  explicit TopOf(What w) : what(w) {}
  void serve(Chain& chain, Now now) override {
    count = 0;
    asked_at = now.time;
    const Observer* const observer = chain.observer();
    over = observer == nullptr;
    if (over) return;
    const bool of_sources = what == What::sources;
    const auto all = (of_sources ? observer->sources : observer->destinations).rows();
    const std::size_t end = std::min(next + kChunk, all.size());
    for (; next < end; ++next) {
      if (all[next].count == 0) continue;
      Row& row = rows[count++];
      static_cast<HeavyHitters::Row&>(row) = all[next];
      if (of_sources) row.level = chain.trust().level(row.item.address, now.time);
    }
    over = next == all.size();
  }

  const What what;
  std::array<Row, kChunk> rows;
  std::size_t count = 0;  ///< of `rows`, this time
  std::size_t next = 0;
  bool over = false;
  Time asked_at{};
};

}  // namespace mitibox
