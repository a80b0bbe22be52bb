// SPDX-License-Identifier: BSD-3-Clause
// Trust as the operator sees it, and changes it by hand.
#include <algorithm>

#include "trust/trust.hpp"

namespace mitibox {

bool Trust::distrust(const Address& source, Time until, Time now) {
  if (rules_.allow.everywhere(source)) return false;
  const Destination nowhere;
  enter({mask_(source), until - rules_.schedule.first_proven(0)}, {source, nowhere, false}, now);
  return true;
}

Trust::Forgiven Trust::forgive(const Address& source, bool prefixes) {
  const Source key = mask_(source);
  const std::uint64_t hash = sources_.hash(key);
  Forgiven done;
  done.proven = sources_.remove(key, hash);
  done.unproven = sketch_.forget(hash);
  done.prefixes = escalation_.forgive(key, prefixes);
  return done;
}

bool Trust::would_divert(const Address& source, const Destination& destination, Time now) const {
  const Attempt attempt = find(source);
  return !rules_.allow.allows(source, destination) &&
         diverts(attempt, destination, look_up(attempt, now));
}

TrustLevel Trust::ground(const Distrusted& distrusted, unsigned bits, Time now) const {
  const Schedule::Level l = rules_.schedule.proven(distrusted.repeats, distrusted.start, now);
  // By hand for longer than T1: the start that follows is still to come.
  return {.number = l.number,
          .divert = rules_.schedule.divert(l.number),
          .since = std::min(l.since, now),
          .until = l.until,
          .proven = true,
          .on = {distrusted.source.address(), bits},
          .repeats = std::min(distrusted.repeats, rules_.schedule.doublings())};
}

std::size_t Trust::grounds(const Address& source, Time now, std::span<TrustLevel> grounds) const {
  const Source key = mask_(source);
  const std::uint64_t hash = sources_.hash(key);
  const unsigned bits = bits_[source.is_v4() ? 0 : 1];
  std::size_t n = 0;
  if (const Sketch::Cell* const cell = suspicion(hash)) {
    const Schedule::Level l = rules_.schedule.level(cell->grade, cell->start, now);
    grounds[n++] = {.number = l.number,
                    .divert = rules_.schedule.divert(l.number),
                    .since = l.since,
                    .until = l.until,
                    .on = {key.address(), bits}};
  }
  if (const Distrusted* const own = sources_.find(key, hash))
    grounds[n++] = ground(*own, bits, now);
  escalation_.each(key, over(now),
                   [&](const Distrusted& prefix, unsigned length, Escalation::Members members) {
                     if (prefix.start != Time::min())
                       grounds[n] = ground(prefix, length, now);
                     else
                       grounds[n] = {.proven = true, .on = {prefix.source.address(), length}};
                     grounds[n].members = members.proven;
                     grounds[n++].needed = members.needed;
                   });
  return n;
}

TrustLevel Trust::level(const Address& source, Time now) const {
  if (rules_.allow.everywhere(source)) return {};
  std::array<TrustLevel, kGrounds> all;
  TrustLevel most;
  for (const TrustLevel& g : std::span(all).first(grounds(source, now, all)))
    // As judge() does: proof before what is not, of equals what was distrusted latest, the widest.
    if (g.number != 0 && (g.divert > most.divert ||
                          (g.divert == most.divert && (!most.proven || g.until >= most.until))))
      most = g;
  return most;
}

}  // namespace mitibox
