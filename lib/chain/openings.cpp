// SPDX-License-Identifier: BSD-3-Clause
// Opening packets and strays: Probability, Trust, Ruleset, Reply.
#include "chain/rooms.hpp"
#include "packet/parse.hpp"

namespace mitibox {

/// Draws before anyone asks: while the Tracker looks up, the coin's memory is on its way.
void Chain::Rooms::foresee(Now now) {
  if (probability.never()) {
    foreseen.clear();
    return;
  }
  std::array<const Packet*, kBurst> syns;
  std::array<Probability::Draw, kBurst> drawn;
  std::size_t n = 0;
  foreseen.each([&](std::size_t i) {
    set_flow_key(packets[i], Side::outside);  // the Tracker's look-up comes later
    syns[n++] = &packets[i];
  });
  probability.draw({syns.data(), n}, now, drawn);
  n = 0;
  foreseen.each([&](std::size_t i) { draws[i] = drawn[n++]; });
}

void Chain::Rooms::draw(Now now) {
  const bool never = probability.never();
  std::array<Probability::Draw, kBurst> drawn;
  std::array<std::size_t, kBurst> positions;
  std::array<Probability::Outcome, kBurst> outcomes;
  std::size_t n = 0;
  Places left;
  Places answered;  // by the box, whatever is behind
  openings.each([&](std::size_t i) {
    Packet& p = packets[i];
    const bool other_protocol =
        p.protocol != protocol::kTcp && p.protocol != protocol::kUdp && !p.is_icmp();
    if (other_protocol && !ruleset->lists_protocol(p.protocol)) {
      p.drop(Reason::ip_protocol);  // S-IP4-8
      return;
    }
    const Ruleset::Ruling ruling = ruleset->rule(p.target());
    matches[i] = ruling.match;
    if (ruling.match == Ruleset::Match::illegitimate) unlisted.add(i);
    if (p.protocol == protocol::kTcp && !ruling.forwards) {
      if (reply.in_conversation(p)) {
        strays.add(i);
        return;
      }
      answered.add(i);
    }
    if (never || matches[i] == Ruleset::Match::open) {
      left.add(i);
      return;
    }
    if (!foreseen.has(i)) {
      const Packet* one = &p;
      probability.draw({&one, 1}, now, {&draws[i], 1});
    }
    drawn[n] = draws[i];
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
  openings = left.without(answered);
  diverted.add(left.without(openings));
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
        weigh(p, now, [&] { trust.illegitimate(attempt, source, p.target(), now.time); });
      return false;
    }
    // Where nobody lives any more the accepted would meet a silence that dark addresses and
    // closed ports do not show: the box answers as it does for those, without evidence.
    if (!neighbours.correct_destination(p)) return false;
  }
  tracker.open(p, now);
  if (p.verdict == Verdict::forward) {
    count_hit(p.target(), now);
    tell(EventType::accepted, p, now);
  }
  return true;
}

/// What is neither a service nor a decoy is met as by a closed port. No handshake will prove such
/// an attempt; it is evidence where attempts are, and nothing under `proof`.
void Chain::Rooms::look_closed(Now now) {
  Places closed;
  diverted.each([&](std::size_t i) {
    Packet& p = packets[i];
    if (matches[i] != Ruleset::Match::illegitimate || !reply.looks_closed(p)) return;
    closed.add(i);
    // Where hosts see SYNs Trust has judged it.
    if (orders.attempts_count && !ruleset->forwards(p.destination())) {
      const Address source = p.source();
      const Trust::Attempt attempt = trust.find(source);
      if (trust.judge(attempt, source, p.target(), now.time) == Trust::Decision::pass)
        weigh(p, now, [&] { trust.illegitimate(attempt, source, p.target(), now.time); });
    }
    answer(p, reply.reset(p));
  });
  diverted = diverted.without(closed);
}

void Chain::Rooms::divert(Now now) {
  if (reply.sparse()) look_closed(now);
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
    if (p.standing == Standing::covered) {
      covered(p, now);
      if (p.verdict != Verdict::pending) return;
    }
    if (p.verdict == Verdict::divert) {
      const auto numbers = tracker.challenge(p, now);
      if (numbers.allowed)
        answer(p, reply.challenge(p, {numbers.sequence, numbers.acknowledgement, numbers.window}));
      else
        p.drop(Reason::challenge_limit);
      return;
    }
    if (p.standing == Standing::stray) tracker.reconsider(p, now);
    if (p.standing == Standing::covered) covered(p, now);
    if (p.verdict == Verdict::pending && p.from == Side::outside) converse(p, now);
    if (p.verdict == Verdict::pending && p.standing == Standing::stray)
      tracker.pick_up(p,
                      p.from == Side::outside && tracker.in_grace(now) &&
                          neighbours.is_live(p.destination(), now),
                      now);
    if (p.verdict == Verdict::pending) p.drop(Reason::no_connection);
  });
}

void Chain::Rooms::converse(Packet& p, Now now) {
  // A proof that the box could not act on must come again.
  if ((!splices.room(p) || (p.payload_length() != 0 && !holdable(p))) && !reply.in_conversation(p))
    return p.drop(Reason::splice_full);
  Reply::Continuation continuation = reply.converse(p, now);
  if (!continuation.ours) return;
  if (continuation.proof) {
    if (!prove(p, continuation.offer, now)) tell(EventType::conversation, p, now);
    continuation.answer = reply.give_voice(p, continuation.answer, now);
  }
  if (p.verdict != Verdict::held)
    say(p, continuation.answer, now);
  else
    speak(continuation.answer.frame, now);
}

/// As answer(), in a conversation.
void Chain::Rooms::say(Packet& p, const Reply::Answer& a, Now now) {
  speak(a.frame, now);
  answer(p, {nullptr, a.reason});
}

void Chain::Rooms::speak(rte_mbuf* frame, Now now) {
  if (frame == nullptr || (timing && spoken.add(frame, now))) return;
  transmit.queue(frame, Side::outside, Transmit::Origin::made);
}

void Chain::Rooms::answer(Packet& p, const Reply::Answer& a) {
  if (a.frame != nullptr) transmit.queue(a.frame, p.from, Transmit::Origin::made);
  if (row(a.reason).kind == ReasonKind::drop)
    p.drop(a.reason);
  else
    p.consume(a.reason);
}
}  // namespace mitibox
