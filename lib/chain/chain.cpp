// SPDX-License-Identifier: BSD-3-Clause
#include "chain/chain.hpp"

#include <algorithm>

#include "chain/rooms.hpp"

namespace mitibox {

namespace {

constexpr std::uint32_t kPeers = 1U << 16U;
/// For so long after other orders handshakes that began before them are judged by the kinder ones.
constexpr Time kKinder = std::chrono::seconds(5);
/// Entries that one tick may look at, of each table that is swept by count.
constexpr std::uint32_t kSweep = 64;

/// What workers draw from a counter must not repeat what another one drew.
Secrets secrets_of(const Chain::Config& config) {
  Secrets s = config.secrets;
  for (Key128* key :
       {&s.persona, &s.fragment, &s.hosts, &s.calls, &s.pieces, &s.departures, &s.spoken})
    key->k1 ^= siphash24_of(*key, config.self);
  return s;
}

std::uint32_t share(std::uint32_t total, unsigned workers) {
  return std::max(64U, total / std::max(1U, workers));
}

}  // namespace

Chain::Rooms::Rooms(const Policy& policy, const Config& config, Wire& wire)
    : orders(policy),
      keeps(orders.monitors),
      classifier(policy),
      scrubber(policy, config.verified_checksums),
      reassembly(policy, secrets_of(config),
                 {config.name + " whole",
                  {share(policy.tables.fragments, config.workers), config.held_fragments}},
                 counters),
      icmp_rates(policy, config.secrets.icmp, config.name),
      tracker(policy, {config.name, config.secrets.table, config.secrets.isn,
                       share(policy.tables.connections, config.workers),
                       share(policy.tables.of_ipv6(), config.workers), config.place, &icmp_rates,
                       config.started}),
      probability(policy, config.secrets, share(policy.tables.retransmissions, config.workers)),
      trust(policy, config.secrets, share(policy.tables.sources, config.workers),
            config.name + " trust"),
      peers(config.secrets, share(kPeers, config.workers)),
      ruleset(orders.ruleset.get()),
      reply(policy, secrets_of(config), config.pool,
            share(policy.tables.conversations, config.workers), config.name + " reply"),
      spoken(secrets_of(config).spoken, config.name + " spoken"),
      splices(policy, secrets_of(config), config.pool,
              {config.name + " splices", config.held_segments}),
      splitter(secrets_of(config), config.pool),
      sacks(config.name + " sacks"),
      neighbours(policy, config.own_mac, config.pool, {config.facts, config.speaks}),
      transmit(wire, counters, config.observer),
      findings(config.findings),
      trial_draw(config.secrets.trial),
      teacher(policy),
      persona(secrets_of(config).hosts, config.secrets.isn.k1),
      timing(policy.normalise.timing),
      dresses(policy.normalise.headers),
      ecn(policy.normalise.ecn == Policy::Ecn::keep ? 3 : 0),
      owner(config.owner),
      self(config.self),
      observer(config.observer) {
  reply.limit(icmp_rates);
  tracker.set(orders.timeouts, orders.monitors);
  if (owner != nullptr) outbox.emplace(*config.handoff, self);
  if (observer == nullptr) return;
  tracker.watch(this);
  trust.report_to(this);
}

Chain::Chain(const Policy& policy, const Config& config, Wire& wire)
    : rooms_(std::make_unique<Rooms>(policy, config, wire)) {}
Chain::~Chain() = default;

void Chain::process(Side from, std::span<rte_mbuf* const> frames, Now now) {
  rooms_->counters.received[index(from)].add(frames.size());
  rooms_->enter(Rooms::Origin::port, from, frames, now);
}

void Chain::adopt(Side from, std::span<rte_mbuf* const> frames, Now now) {
  rooms_->counters.adopted[index(from)].add(frames.size());
  rooms_->enter(Rooms::Origin::worker, from, frames, now);
}

void Chain::measure(Profile* profile) {
  rooms_->profile = profile;
}
void Chain::tick(Now now) {
  Rooms& r = *rooms_;
  if (r.observer != nullptr) r.observer->now = now;
  r.tracker.sweep(now);
  r.trust.sweep(now.time, kSweep);
  r.reply.sweep(now, kSweep);
  r.reply.repeat(
      now, [&](const Packet& syn) { return r.tracker.knows(syn); },
      [&](rte_mbuf* frame) { r.transmit.queue(frame, Side::outside, Transmit::Origin::made); });
  r.reply.close(now, [&](rte_mbuf* frame) {
    r.transmit.queue(frame, Side::outside, Transmit::Origin::made);
  });
  r.spoken.release(now, [&](rte_mbuf* frame) {
    r.transmit.queue(frame, Side::outside, Transmit::Origin::made);
  });
  r.splices.leave(now, [&](Splice& s) { r.call_again(s, now); });
  r.splices.tick(now, [&](Splice& s) { r.repeat(s, now); });
  r.reassembly.sweep(now, kSweep);
  Neighbours::Output made;
  r.neighbours.tick(now, made);
  r.flush(made);
}

void Chain::settle(Now now) {
  if (rooms_->observer != nullptr) rooms_->observer->settle(now);
}

void Chain::Rooms::obey(Orders& given, Now now) noexcept {
  given.before = orders.ruleset;
  kinder_until = now.time + kKinder;
  std::swap(orders, given);
  ruleset = orders.ruleset.get();
  keeps = orders.monitors || !orders.bypasses.empty();
  trust.adopt(orders.trust);
  probability.set_drop(orders.drop);
  tracker.set(orders.timeouts, orders.monitors);
  classifier.set_hairpin(orders.hairpin);
}

void Chain::obey(Orders& given, Now now) noexcept {
  rooms_->obey(given, now);
}

const Orders& Chain::orders() const {
  return rooms_->orders;
}

std::span<Hit> Chain::hits() {
  return rooms_->orders.hits;
}

void Chain::learn(const Fact& fact, Now now) {
  rooms_->neighbours.learn(fact, now);
}

void Chain::finish() {
  rooms_->reassembly.finish();
  rooms_->spoken.finish([&](rte_mbuf* frame) {
    rooms_->transmit.queue(frame, Side::outside, Transmit::Origin::made);
  });
  rooms_->splices.each([&](Splice& s) { rooms_->release(s, Reason::shutdown); });
  rooms_->transmit.finish();
}

Restored Chain::restore(const Survivors& survivors, Now now) {
  const Rooms& r = *rooms_;
  return rooms_->tracker.restore(
      survivors,
      [&](const Address& outside) { return r.owner == nullptr || r.owner->of(outside) == r.self; },
      now);
}

RestoredTrust Chain::restore(const TrustState& state, bool cells, Now now) {
  Rooms& r = *rooms_;
  RestoredTrust done;
  for (const SavedSource& s : state.sources) {
    if (r.owner != nullptr && r.owner->of(s.source.address()) != r.self) continue;
    ++(r.trust.restore(s, now.time) ? done.sources : done.expired);
  }
  if (!cells) return done;
  for (const SavedCell& c : state.cells)
    if (c.worker == r.self) ++(r.trust.restore(c, now.time) ? done.cells : done.expired);
  return done;
}

Transmit& Chain::transmit() {
  return rooms_->transmit;
}
const Counters& Chain::counters() const {
  return rooms_->counters;
}
Trust& Chain::trust() {
  return rooms_->trust;
}
const Trust& Chain::trust() const {
  return rooms_->trust;
}
const Tracker& Chain::tracker() const {
  return rooms_->tracker;
}
const Reply& Chain::reply() const {
  return rooms_->reply;
}
const Splices::Counters& Chain::splices() const {
  return rooms_->splices.counters();
}
const Sacks::Counters& Chain::sacks() const {
  return rooms_->sacks.counters();
}
const Trials& Chain::trials() const {
  return rooms_->trials;
}
const Findings* Chain::findings() const {
  return rooms_->findings;
}
const Neighbours& Chain::neighbours() const {
  return rooms_->neighbours;
}
const Probability& Chain::probability() const {
  return rooms_->probability;
}
Observer* Chain::observer() const {
  return rooms_->observer;
}

std::size_t Chain::memory_bytes(const Policy& policy, unsigned workers) {
  const auto& t = policy.tables;
  const std::size_t one =
      Tracker::memory_bytes(share(t.connections, workers), share(t.of_ipv6(), workers)) +
      Reassembly::memory_bytes(share(t.fragments, workers)) +
      Probability::memory_bytes(share(t.retransmissions, workers)) +
      Trust::memory_bytes(share(t.sources, workers)) + Peers::memory_bytes(share(kPeers, workers)) +
      Reply::memory_bytes(share(t.conversations, workers)) + DelayLine::memory_bytes() +
      Splices::memory_bytes() + Sacks::memory_bytes() + IcmpRates::memory_bytes();
  return one * std::max(1U, workers);
}

}  // namespace mitibox
