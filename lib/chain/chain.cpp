// SPDX-License-Identifier: BSD-3-Clause
#include "chain/chain.hpp"

#include <rte_cycles.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "base/poison.hpp"
#include "chain/classify.hpp"
#include "chain/owned.hpp"
#include "packet/parse.hpp"
#include "probability/probability.hpp"
#include "scrubber/scrubber.hpp"
#include "shard/handoff.hpp"
#include "shard/owner.hpp"
#include "tracker/tracker.hpp"
#include "trust/peers.hpp"

namespace mitibox {

namespace {

constexpr std::uint32_t kPeers = 1U << 16U;
/// Entries that one tick may look at, of each table that is swept by count.
constexpr std::uint32_t kSweep = 64;

/// What workers draw from a counter must not repeat what another one drew.
Secrets secrets_of(const Chain::Config& config) {
  Secrets s = config.secrets;
  s.persona.k1 ^= siphash24_of(s.persona, config.self);
  return s;
}

std::uint32_t share(std::uint32_t total, unsigned workers) {
  return std::max(64U, total / std::max(1U, workers));
}

/// As rte_pktmbuf_free_bulk; frames of one segment and one pool, which is nearly all, at less cost.
void free_frames(std::span<rte_mbuf*> frames) {
  rte_mempool* const pool = frames[0]->pool;
  unsigned n = 0;
  for (rte_mbuf* frame : frames) {
    if (frame->pool == pool && RTE_MBUF_DIRECT(frame) && frame->nb_segs == 1 &&
        rte_mbuf_refcnt_read(frame) == 1) [[likely]]
      frames[n++] = frame;
    else
      rte_pktmbuf_free(frame);
  }
  if (n != 0) rte_mempool_put_bulk(pool, reinterpret_cast<void**>(frames.data()), n);
}

/// Adds up what passes between two laps.
class Watch {
 public:
  explicit Watch(Chain::Profile& profile) : profile_(profile), last_(rte_rdtsc()) {}
  void lap(std::size_t room) {
    const std::uint64_t now = rte_rdtsc();
    profile_.cycles[room] += now - last_;
    last_ = now;
  }

 private:
  Chain::Profile& profile_;
  std::uint64_t last_;
};
struct NoWatch {
  void lap(std::size_t /*room*/) {}
};

/// A set of places in a burst.
class Places {
 public:
  void add(std::size_t place) { bits_ |= std::uint32_t{1} << place; }
  void clear() { bits_ = 0; }
  [[nodiscard]] bool empty() const { return bits_ == 0; }
  /// In order of arrival.
  template <typename Visit>
  void each(Visit visit) const {
    for (std::uint32_t left = bits_; left != 0; left &= left - 1)
      visit(static_cast<std::size_t>(std::countr_zero(left)));
  }

 private:
  static_assert(kBurst <= 32);
  std::uint32_t bits_ = 0;
};

}  // namespace

/// The rooms in the order in which a burst passes them.
struct Chain::Rooms {
  Rooms(const Policy& policy, const Config& config, Wire& wire)
      : classifier(policy),
        scrubber(policy, config.secrets, share(policy.tables.fragments, config.workers),
                 config.verified_checksums),
        tracker(policy, {config.name, config.secrets.table,
                         share(policy.tables.connections, config.workers),
                         share(policy.tables.of_ipv6(), config.workers), config.place}),
        probability(policy, config.secrets, share(policy.tables.retransmissions, config.workers)),
        trust(policy, config.secrets, share(policy.tables.sources, config.workers),
              config.name + " trust"),
        peers(config.secrets, share(kPeers, config.workers)),
        ruleset(policy),
        reply(policy, secrets_of(config), config.pool,
              share(policy.tables.conversations, config.workers), config.name + " reply"),
        neighbours(policy, config.own_mac, config.pool, {config.facts, config.speaks}),
        transmit(wire, counters),
        owner(config.owner),
        self(config.self) {
    if (owner != nullptr) outbox.emplace(*config.handoff, self);
  }

  enum class Origin : std::uint8_t { port, worker };
  struct Arrival {
    Origin origin;
    Side from;
    std::span<rte_mbuf* const> frames;
    Now now;
  };
  void enter(Origin origin, Side from, std::span<rte_mbuf* const> frames, Now now);
  template <typename Timer>
  void run(Timer timer, const Arrival& arrival);
  void receive(const Arrival& arrival);
  bool keeps(const Packet& p);
  void track(Now now);
  void draw(Now now);
  void judge(Now now);
  void divert(Now now);
  void settle_strays(Now now);
  void emit(Now now);

  bool passes(Packet& p, const Trust::Attempt& attempt, Ruleset::Match match, Now now);
  void answer(Packet& p, const Reply::Answer& answer);
  void settle_neighbour(Packet& p, Now now);
  void converse(Packet& p, Now now);
  void leave_inside(Packet& p, Now now);
  void flush(const Neighbours::Output& output);

  [[nodiscard]] std::span<Packet> burst() { return {packets.data(), count}; }

  Counters counters;
  Classifier classifier;
  Scrubber scrubber;
  Tracker tracker;
  Probability probability;
  Trust trust;
  Peers peers;
  Ruleset ruleset;
  Reply reply;
  Neighbours neighbours;
  Transmit transmit;
  const Owner* owner;
  unsigned self;
  std::optional<HandOff::Outbox> outbox;  ///< with several workers
  Chain::Profile* profile = nullptr;

  std::array<Packet, kBurst> packets;
  std::array<Ruleset::Match, kBurst> matches;  ///< of the opening packets from outside
  std::size_t count = 0;
  // Places in the burst that a room has work with; a room without passes at no cost.
  Places handled;   ///< came through the Scrubber
  Places openings;  ///< may open a connection from outside
  Places diverted;  ///< opening packets for Reply
  Places strays;    ///< neither known nor opening, or to be challenged
};

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

void Chain::Rooms::enter(Origin origin, Side from, std::span<rte_mbuf* const> frames, Now now) {
  if (profile == nullptr) [[likely]]
    run(NoWatch(), {origin, from, frames, now});
  else
    run(Watch(*profile), {origin, from, frames, now});
}

template <typename Timer>
void Chain::Rooms::run(Timer timer, const Arrival& arrival) {
  const Now now = arrival.now;
  // The order of the rooms. Each sees the whole burst; what has its verdict passes the rest by.
  receive(arrival);
  timer.lap(0);
  if (!handled.empty()) track(now);
  timer.lap(1);
  if (!openings.empty()) draw(now);
  timer.lap(2);
  if (!openings.empty()) judge(now);
  timer.lap(3);
  if (!diverted.empty()) divert(now);
  timer.lap(4);
  if (!strays.empty()) settle_strays(now);
  timer.lap(5);
  emit(now);
  timer.lap(6);
}

// What looks at one packet alone is done in one pass, while its headers are at hand: parse,
// classify, whose it is, scrub.
void Chain::Rooms::receive(const Arrival& arrival) {
  const auto [origin, from, frames, now] = arrival;
  count = std::min(frames.size(), kBurst);
  for (std::size_t i = 0; i < count; ++i) rte_prefetch0(rte_pktmbuf_mtod(frames[i], void*));
  handled.clear();
  openings.clear();
  diverted.clear();
  strays.clear();
  std::array<std::uint32_t, kClasses> classes{};
  const bool sharded = outbox.has_value() && origin == Origin::port;
  for (std::size_t i = 0; i < count; ++i) {
    Packet& p = packets[i];
    p = Packet{};
    p.frame = frames[i];
    p.from = from;
    if (const auto why = parse_frame(p)) {
      p.drop(*why);
      continue;
    }
    classifier.classify(p, neighbours);
    if (p.verdict != Verdict::pending) continue;
    if (sharded && !keeps(p)) {
      p.verdict = Verdict::handed;
      continue;
    }
    ++classes[static_cast<std::size_t>(p.klass)];
    if (p.klass < Class::inbound) {
      settle_neighbour(p, now);
      continue;
    }
    scrubber.scrub(p);
    if (p.verdict == Verdict::pending) handled.add(i);
  }
  for (std::size_t i = 0; i < kClasses; ++i)
    if (classes[i] != 0) counters.classes[i].add(classes[i]);
  if (sharded)
    counters.handed[index(from)].add(
        outbox->flush([&](rte_mbuf* frame) { end_frame(frame, Reason::handoff_full, counters); }));
}

/// Gives the packet to its owner unless that is here.
bool Chain::Rooms::keeps(const Packet& p) {
  if (p.klass == Class::pass) return true;
  const unsigned to = p.klass == Class::neighbour ? 0 : owner->of(flow_address(p));
  if (to == self) {
    if (p.klass >= Class::inbound) counters.at_owner[index(p.from)].add();
    return true;
  }
  // The owner looks at it anew: what it is told is the port alone.
  p.frame->port = static_cast<std::uint16_t>(p.from);
  unpoison_frame(p.frame);
  outbox->put(to, p.frame);
  return false;
}

void Chain::Rooms::settle_neighbour(Packet& p, Now now) {
  if (p.klass == Class::neighbour) {
    Neighbours::Output made;
    neighbours.process(p, now, made);
    flush(made);
    return;
  }
  p.forward();
  if (p.from == Side::inside && p.family != Family::none) leave_inside(p, now);
}

void Chain::Rooms::track(Now now) {
  tracker.lookup(burst());
  handled.each([&](std::size_t i) {
    Packet& p = packets[i];
    tracker.track(p, now);
    if (p.standing == Standing::opening) {
      if (p.from == Side::outside) {
        openings.add(i);
        return;
      }
      tracker.open(p, now);
    }
    if (p.verdict == Verdict::forward) {
      if (p.from == Side::inside && tracker.note_active(p, now)) leave_inside(p, now);
    } else if (p.verdict == Verdict::pending || p.verdict == Verdict::divert) {
      strays.add(i);
    }
  });
}

void Chain::Rooms::draw(Now now) {
  std::array<const Packet*, kBurst> drawn;
  std::array<std::size_t, kBurst> positions;
  std::array<Probability::Outcome, kBurst> outcomes;
  std::size_t n = 0;
  Places left;
  openings.each([&](std::size_t i) {
    Packet& p = packets[i];
    const bool other_protocol =
        p.protocol != protocol::kTcp && p.protocol != protocol::kUdp && !p.is_icmp();
    if (other_protocol && !ruleset.lists_protocol(p.protocol)) {
      p.drop(Reason::ip_protocol);  // S-IP4-8
      return;
    }
    matches[i] = ruleset.match(p.target());
    if (matches[i] == Ruleset::Match::open) {
      left.add(i);
      return;
    }
    drawn[n] = &p;
    positions[n++] = i;
  });
  probability.judge({drawn.data(), n}, now, {outcomes.data(), n});
  for (std::size_t k = 0; k < n; ++k) {
    if (outcomes[k] == Probability::Outcome::coin)
      packets[positions[k]].drop(Reason::coin);
    else if (outcomes[k] == Probability::Outcome::repeat)
      packets[positions[k]].drop(Reason::coin_repeat);
    else
      left.add(positions[k]);
  }
  openings = left;
}

void Chain::Rooms::judge(Now now) {
  std::array<const Packet*, kBurst> found;
  std::array<Trust::Attempt, kBurst> attempts;
  std::size_t n = 0;
  openings.each([&](std::size_t i) { found[n++] = &packets[i]; });
  trust.find({found.data(), n}, attempts);
  // One by one and in order of arrival: what an opening packet reveals of its source counts for
  // the next one of the same burst.
  n = 0;
  openings.each([&](std::size_t i) {
    if (!passes(packets[i], attempts[n++], matches[i], now)) diverted.add(i);
  });
}

bool Chain::Rooms::passes(Packet& p, const Trust::Attempt& attempt, Ruleset::Match match, Now now) {
  if (match != Ruleset::Match::open) {
    const Address source = p.source();
    if (trust.judge(attempt, source, p.target(), now.time) == Trust::Decision::divert) return false;
    if (match != Ruleset::Match::legitimate) {
      const bool expected = p.protocol == protocol::kUdp && peers.recent(source, now);
      if (match == Ruleset::Match::illegitimate && !expected)
        trust.illegitimate(attempt, source, now.time);
      return false;
    }
    // Where nobody lives any more the accepted would meet a silence that dark addresses and
    // closed ports do not show: the box answers as it does for those, without evidence.
    if (!neighbours.correct_destination(p)) return false;
  }
  tracker.open(p, now);
  return true;
}

void Chain::Rooms::divert(Now now) {
  std::array<const Packet*, kBurst> probes;
  std::array<Reply::Answer, kBurst> answers;
  std::size_t n = 0;
  diverted.each([&](std::size_t i) { probes[n++] = &packets[i]; });
  reply.open({probes.data(), n}, now, answers);
  n = 0;
  diverted.each([&](std::size_t i) { answer(packets[i], answers[n++]); });
}

void Chain::Rooms::settle_strays(Now now) {
  strays.each([&](std::size_t i) {
    Packet& p = packets[i];
    if (p.verdict == Verdict::divert) {
      const auto numbers = tracker.challenge(p, now);
      if (numbers.allowed)
        answer(p, reply.challenge(p, {numbers.sequence, numbers.acknowledgement, numbers.window}));
      else
        p.drop(Reason::challenge_limit);
      return;
    }
    tracker.reconsider(p,
                       p.from == Side::outside && tracker.in_grace(now) &&
                           neighbours.is_live(p.destination(), now),
                       now);
    if (p.verdict == Verdict::pending && p.from == Side::outside) converse(p, now);
    if (p.verdict == Verdict::pending) p.drop(Reason::no_connection);
  });
}

void Chain::Rooms::converse(Packet& p, Now now) {
  const Reply::Continuation continuation = reply.converse(p, now);
  if (!continuation.ours) return;
  if (continuation.proof) {
    const Destination target = p.target();
    if (ruleset.match(target) == Ruleset::Match::illegitimate)
      trust.proven(p.source(), target, now.time);
  }
  answer(p, continuation.answer);
}

void Chain::Rooms::answer(Packet& p, const Reply::Answer& a) {
  if (a.frame != nullptr) transmit.queue(a.frame, p.from, Transmit::Origin::made);
  if (row(a.reason).kind == ReasonKind::drop)
    p.drop(a.reason);
  else
    p.consume(a.reason);
}

void Chain::Rooms::leave_inside(Packet& p, Now now) {
  Neighbours::Output made;
  neighbours.seen_inside(p, now, made);
  flush(made);
  if (p.klass == Class::outbound && p.protocol == protocol::kUdp)
    peers.addressed(p.destination(), now);
}

void Chain::Rooms::flush(const Neighbours::Output& output) {
  for (std::size_t i = 0; i < output.count; ++i)
    transmit.queue(output.frames[i].frame, output.frames[i].to, Transmit::Origin::made);
}

void Chain::Rooms::emit(Now now) {
  std::array<rte_mbuf*, kBurst> over;
  unsigned ended = 0;
  for (Packet& p : burst()) {
    if (p.verdict == Verdict::follow) scrubber.settle_later(p, now);
    if (p.verdict == Verdict::handed) continue;
    if (p.verdict != Verdict::forward) {
      counters.ended[index(p.reason)].add();
      unpoison_frame(p.frame);
      over[ended++] = p.frame;
      continue;
    }
    if (p.fragment == Fragment::first) scrubber.forwarded_first(p, now);
    // Of a known connection whose host is gone nothing changes: it has fallen silent.
    if (p.from == Side::outside) neighbours.correct_destination(p);
    transmit.queue(p.frame, other(p.from), Transmit::Origin::received);
  }
  if (ended != 0) free_frames({over.data(), ended});
}

void Chain::tick(Now now) {
  Rooms& r = *rooms_;
  r.tracker.sweep(now);
  r.trust.sweep(now.time, kSweep);
  r.reply.sweep(now, kSweep);
  Neighbours::Output made;
  r.neighbours.tick(now, made);
  r.flush(made);
}

void Chain::learn(const Fact& fact, Now now) {
  rooms_->neighbours.learn(fact, now);
}

Restored Chain::restore(const Survivors& survivors, Now now) {
  const Rooms& r = *rooms_;
  return rooms_->tracker.restore(
      survivors,
      [&](const Address& outside) { return r.owner == nullptr || r.owner->of(outside) == r.self; },
      now);
}

Transmit& Chain::transmit() {
  return rooms_->transmit;
}
const Counters& Chain::counters() const {
  return rooms_->counters;
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
const Neighbours& Chain::neighbours() const {
  return rooms_->neighbours;
}
const Probability& Chain::probability() const {
  return rooms_->probability;
}

std::size_t Chain::memory_bytes(const Policy& policy, unsigned workers) {
  const auto& t = policy.tables;
  const std::size_t one =
      Tracker::memory_bytes(share(t.connections, workers), share(t.of_ipv6(), workers)) +
      Fragments::memory_bytes(share(t.fragments, workers)) +
      Probability::memory_bytes(share(t.retransmissions, workers)) +
      Trust::memory_bytes(share(t.sources, workers)) + Peers::memory_bytes(share(kPeers, workers)) +
      Reply::memory_bytes(share(t.conversations, workers));
  return one * std::max(1U, workers);
}

void end_frame(rte_mbuf* frame, Reason reason, Counters& counters) {
  counters.ended[index(reason)].add();
  discard(frame);
}

void discard(rte_mbuf* frame) {
  unpoison_frame(frame);
  rte_pktmbuf_free(frame);
}

}  // namespace mitibox
