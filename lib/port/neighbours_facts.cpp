// SPDX-License-Identifier: BSD-3-Clause
// What Neighbours tells the other lcores, and what it makes of what they tell.
#include "port/neighbours.hpp"
#include "port/neighbours_times.hpp"

namespace mitibox {

void Neighbours::tell(const Fact& fact) {
  if (role_.facts == nullptr) return;
  ++counters_.told;
  role_.facts->tell(fact);
}

void Neighbours::tell_host(Host& host, const Sighting& sighting) {
  host.note_told(sighting.seen);
  tell({Fact::Kind::host, sighting.neighbour, sighting.mac, sighting.address, sighting.tags,
        sighting.seen});
}

void Neighbours::learn(const Fact& fact, Now now) {
  ++counters_.learned;
  // Whoever told it may have read the clock after this lcore did.
  const Tick seen = reached(now.tick, fact.seen) ? fact.seen : now.tick;
  switch (fact.kind) {
    case Fact::Kind::host:
      learn_host({fact.address, fact.mac, fact.tags, fact.neighbour, seen, {}}, now);
      break;
    case Fact::Kind::gateway_mac:
      if (usable(fact.mac)) gateways_.learn_mac(fact.mac, now.tick, 0);
      break;
    case Fact::Kind::wanted:
      if (Listed* l = listed(fact.address); l != nullptr && role_.speaks) note_wanted(*l);
      break;
    case Fact::Kind::dark:
      if (!role_.speaks) learn_dark(fact.address, now);
      break;
    case Fact::Kind::gateway:
      if (!role_.speaks) gateways_.learn(fact.address, seen);
      [[fallthrough]];
    case Fact::Kind::outside:
      // The speaker has weighed it against what hosts inside say.
      if (!role_.speaks) move_outside(fact.address, seen);
      break;
  }
}

void Neighbours::learn_host(const Sighting& sighting, Now now) {
  const std::uint32_t age = elapsed(now.tick, sighting.seen);
  if (age >= kUnconfirmed) return;
  Host* host = accept(sighting, now);
  // All have heard it, so none of them needs to say it again soon.
  if (host != nullptr && host->since_told(now.tick) > age) host->note_told(sighting.seen);
}

void Neighbours::learn_dark(const Address& address, Now now) {
  Listed* l = listed(address);
  if (l == nullptr || l->state != Listed::State::live) return;
  // It spoke while the speaker gave it up, and the speaker hears of that, too.
  if (elapsed(now.tick, l->seen) < kRepeat) return;
  l->state = Listed::State::dark;
  hosts_.erase(address);
}

bool Neighbours::note_wanted(Listed& l) {
  const bool live = l.state == Listed::State::live;
  (live ? l.cached : l.wanted) = true;
  if (!role_.speaks && elapsed(swept_, l.told) >= kRepeat) {
    l.told = swept_;
    tell(Fact::about(Fact::Kind::wanted, l.address));
  }
  return live;
}

void Neighbours::repeat(Listed& l, Now now) {
  if (role_.facts == nullptr || elapsed(now.tick, l.told) < kRepeat) return;
  l.told = now.tick;
  // With the time of the sign of life it rests on: repeating keeps nobody alive.
  if (l.state == Listed::State::live)
    tell({Fact::Kind::host, true, l.mac, l.address, l.tags, l.seen});
  else if (l.state == Listed::State::outside)
    tell(Fact::about(Fact::Kind::outside, l.address, l.seen));
}

void Neighbours::repeat_gateways(Now now) {
  if (role_.facts == nullptr || elapsed(now.tick, repeated_) < kRepeat) return;
  repeated_ = now.tick;
  for (const auto& g : gateways_.learned())
    tell(Fact::about(Fact::Kind::gateway, g.address, g.seen));
  for (const auto& m : gateways_.macs()) tell(Fact::gateway_uses(m.mac));
}

void Neighbours::fade(Listed& l, Now now) {
  if (l.state != Listed::State::live || elapsed(now.tick, l.seen) < kUnconfirmed) return;
  l.state = Listed::State::unknown;
  hosts_.erase(l.address);
}

}  // namespace mitibox
