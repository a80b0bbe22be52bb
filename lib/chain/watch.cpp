// SPDX-License-Identifier: BSD-3-Clause
// What leaves as it came: all frames while the box only watches (policy mode `monitor`), and those
// of bypassed sources.
#include "chain/rooms.hpp"
#include "packet/parse.hpp"

namespace mitibox {

/// Behind receive(): what is let here passes all other rooms by.
void Chain::Rooms::watch(Now now) {
  untouched.clear();
  if (!handled.empty()) tracker.lookup(burst());
  for (std::size_t i = 0; i < count; ++i) {
    Packet& p = packets[i];
    if (p.verdict == Verdict::handed) continue;
    if (bypassed(p, now)) {
      counters.monitor.bypassed.add();
      if (p.from == Side::outside && (p.protocol != protocol::kTcp || p.tcp_flags == tcp::kSyn))
        tell(EventType::bypass, p, now);
      let(i);
    } else if (orders.monitors && !judge_watched(i, now)) {
      counters.monitor.let.add();
      let(i);
    }
  }
  apart.add(untouched);
}

void Chain::Rooms::let(std::size_t place) {
  packets[place].forward();
  untouched.add(place);
  Places one;
  one.add(place);
  handled = handled.without(one);
  foreseen = foreseen.without(one);
}

void Chain::Rooms::leave_untouched(std::size_t place) {
  Packet& p = packets[place];
  originals.restore(place, *p.frame);
  transmit.queue(p.frame, other(p.from), Transmit::Origin::received);
}

/// A connection that the box tracks goes on as it began, and so does one that a host opens.
bool Chain::Rooms::bypassed(const Packet& p, Now now) const {
  if (orders.bypasses.empty() || p.klass < Class::inbound || p.exempt || p.connection >= 0)
    return false;
  if (p.from == Side::inside && p.protocol == protocol::kTcp && p.tcp_flags == tcp::kSyn)
    return false;
  const std::uint16_t port = p.from == Side::outside ? p.destination_port : p.source_port;
  return orders.bypasses.cover(p.outside_address(), {p.inside_address(), port, p.protocol},
                               now.time);
}

/// Whether the rooms must have it all the same: its two ends do not speak in the same terms.
bool Chain::Rooms::judge_watched(std::size_t place, Now now) {
  Packet& p = packets[place];
  Watched& watched = counters.monitor;
  if (p.verdict == Verdict::gather) {
    watched.fragments_unjudged.add();
    return false;
  }
  if (!handled.has(place)) {
    if (p.verdict == Verdict::drop) watched.ends(p.reason);
    return false;
  }
  // An earlier packet of the burst may have opened or closed something.
  const bool known = tracker.find(p);
  if (known && (tracker.of(p).shifted || tracker.of(p).covered)) {
    watched.translated.add();
    return true;
  }
  const bool half_open = known && tracker.of(p).state == TcpState::syn_received;
  tracker.track(p, now);
  if (p.standing == Standing::opening) {
    if (p.from == Side::outside) judge_opening(place, now);
    tracker.open(p, now);
  } else if (p.verdict == Verdict::pending) {
    tracker.pick_up(p,
                    p.from == Side::outside && tracker.in_grace(now) &&
                        neighbours.is_live(p.destination(), now),
                    now);
    if (p.verdict == Verdict::pending) p.drop(Reason::no_connection);
  } else if (p.verdict == Verdict::divert) {
    p.consume(Reason::challenge);
  }
  if (p.verdict != Verdict::forward) watched.ends(p.reason);
  if (p.from == Side::inside && tracker.note_active(p, now)) leave_inside(p, now);
  if (half_open && p.from == Side::outside && tracker.find(p) &&
      tracker.of(p).state == TcpState::established)
    judge_proof(p, now);
  return false;
}

/// Of an opening packet from outside, whatever becomes of it.
void Chain::Rooms::judge_opening(std::size_t place, Now now) {
  Packet& p = packets[place];
  Watched& watched = counters.monitor;
  const bool other_protocol =
      p.protocol != protocol::kTcp && p.protocol != protocol::kUdp && !p.is_icmp();
  if (other_protocol && !ruleset->lists_protocol(p.protocol))
    return watched.ends(Reason::ip_protocol);
  const Ruleset::Ruling ruling = ruleset->rule(p.target());
  const bool listed = ruling.match >= Ruleset::Match::legitimate;
  if (ruling.match == Ruleset::Match::illegitimate) unlisted.add(place);
  if (ruling.match != Ruleset::Match::open) {
    if (!probability.never()) {
      const Packet* const one = &p;
      Probability::Draw drawn;
      Probability::Outcome outcome{};
      probability.draw({&one, 1}, now, {&drawn, 1});
      probability.judge({&drawn, 1}, now, {&outcome, 1});
      if (outcome == Probability::Outcome::coin) {
        if (listed) watched.would_delay.add();
        return watched.ends(Reason::coin);
      }
      if (outcome == Probability::Outcome::repeat) return watched.ends(Reason::coin_repeat);
    }
    const Address source = p.source();
    const Trust::Attempt attempt = trust.find(source);
    if (trust.judge(attempt, source, p.target(), now.time) == Trust::Decision::divert)
      return watched.would_divert.add();
    if (!listed) {
      const bool expected = p.protocol == protocol::kUdp && peers.recent(source, now);
      if (orders.attempts_count && ruling.forwards && !expected &&
          ruling.match == Ruleset::Match::illegitimate)
        weigh(p, now, [&] { trust.illegitimate(attempt, source, p.target(), now.time); });
      return watched.would_forge.add();
    }
  }
  watched.would_accept.add();
  count_hit(p.target(), now);
  tell(EventType::accepted, p, now);
}

/// Its client has completed a handshake with a host. Had the box answered, this would be the proof.
void Chain::Rooms::judge_proof(const Packet& p, Now now) {
  if (ruleset->match(p.target()) != Ruleset::Match::illegitimate) return;
  counters.monitor.would_distrust.add();
  weigh(p, now, [&] { trust.proven(p.source(), p.target(), now.time); });
  tell(EventType::conversation, p, now);
}

}  // namespace mitibox
