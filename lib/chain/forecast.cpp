// SPDX-License-Identifier: BSD-3-Clause
// The way of an opening packet, as openings.cpp and handshake.cpp have it, looked at only.
#include "chain/forecast.hpp"

#include "chain/rooms.hpp"

namespace mitibox {

Forecast Chain::foretell(const Address& source, const Destination& to, Now now) const {
  return rooms_->foretell(source, to, now);
}

Forecast Chain::Rooms::foretell(const Address& source, const Destination& to, Now now) const {
  using enum Forecast::Fate;
  using Why = Forecast::Why;
  using Evidence = Forecast::Evidence;
  Forecast f;
  f.level = trust.level(source, now.time);
  f.never = trust.never_distrusts(source);
  const auto ends = [&f](Forecast::Fate fate, Why why) {
    f.fate = fate;
    f.why = why;
    return f;
  };
  const bool from_protected = classifier.protects(source);
  if (!classifier.protects(to.address) && !from_protected) return f;
  if (neighbours.is_gateway(to.address) || neighbours.is_gateway(source))
    return ends(untouched, Why::gateway);
  if (from_protected) return ends(hairpin, Why::protected_source);
  if (orders.bypasses.cover(source, to, now.time)) return ends(untouched, Why::bypass);

  const Ruleset::Ruling ruling = ruleset->rule(to);
  const bool tcp = to.protocol == protocol::kTcp;
  f.handshake = tcp && !ruling.forwards;
  f.coin = ruling.match != Ruleset::Match::open && !probability.never();
  const Forecast::Fate there = neighbours.is_live(to.address, now) ? host : absent;
  if (ruling.match == Ruleset::Match::open) return ends(f.handshake ? there : host, Why::is_public);

  const bool away = trust.would_divert(source, to, now.time);
  if (ruling.match == Ruleset::Match::illegitimate) {
    const bool closes = tcp && reply.sparse() && reply.looks_closed(to);
    const bool expected = to.protocol == protocol::kUdp && peers.recent(source, now);
    if (!away && !f.never && !expected) {
      if (orders.attempts_count && (closes || !f.handshake))
        f.evidence = Evidence::packet;
      else if (tcp && !closes)
        f.evidence = Evidence::handshake;
    }
    f.tried = f.handshake && !closes && is_tried(source, to, now);
    if (closes) return ends(closed, Why::no_service);
  }
  if (away) return ends(forged, f.level.number == 1 ? Why::level : Why::draw);
  if (ruling.match == Ruleset::Match::illegitimate) return ends(forged, Why::no_service);
  if (ruling.match == Ruleset::Match::tolerated) return ends(forged, Why::tolerated);
  return ends(there, Why::service);
}

}  // namespace mitibox
