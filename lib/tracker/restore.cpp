// SPDX-License-Identifier: BSD-3-Clause
// Connections of an earlier process, in this one's tables.
#include <cstring>

#include "tracker/tracker.hpp"

namespace mitibox {

namespace {

/// The outside end comes first in a key, as it lies on the wire.
Address outside_of(Family family, std::span<const std::uint64_t> key) {
  if (family == Family::v4) return Address(be32::from_raw(static_cast<std::uint32_t>(key[0])));
  Address a;
  std::memcpy(a.bytes.data(), key.data(), a.bytes.size());
  return a;
}

}  // namespace

Restored Tracker::restore(const Survivors& survivors,
                          const std::function<bool(const Address& outside)>& owns, Now now) {
  Restored done;
  for (const Family family : {Family::v4, Family::v6})
    for (const Stage stage : {Stage::settled, Stage::datagram, Stage::half_open})
      survivors.each(family, [&](std::span<const std::uint64_t> key, const Connection& c) {
        if (c.stage == stage && owns(outside_of(family, key))) restore({family, key}, c, now, done);
      });
  return done;
}

void Tracker::restore(const Survivor& survivor, const Connection& c, Now now, Restored& done) {
  ConnectionTable& t = survivor.family == Family::v4 ? v4_ : v6_;
  const Tick until = c.last_seen + timeout(c);
  if (static_cast<std::int32_t>(now.tick - until) >= 0) {
    ++done.expired;
    return;
  }
  const std::uint32_t hash = t.hash(survivor.key.data());
  if (t.find(survivor.key.data(), hash) >= 0) return;
  const bool settled = c.stage == Stage::settled;
  const std::int32_t at =
      t.insert(survivor.key.data(), hash, settled ? Stage::settled : Stage::half_open);
  if (at < 0) {
    ++done.refused;
    return;
  }
  t.move_to(at, c.stage);
  t.begin(at);
  Connection fresh = c;
  fresh.seal = 0;
  fresh.noted = static_cast<std::uint16_t>((now.tick - kNoteEvery) >>
                                           8U);  // who lives inside is to be learnt anew
  fresh.challenged = static_cast<std::uint16_t>((now.tick >> 6U) - 8U);
  t[at] = fresh;
  t.check_at(at, until);
  ++done.connections;
}

}  // namespace mitibox
