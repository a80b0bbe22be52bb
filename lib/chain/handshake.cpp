// SPDX-License-Identifier: BSD-3-Clause
// Admission by handshake: the box has answered the client, and calls the host. Until the host says
// something of its own the box goes on speaking for it, as it does for those who do not exist.
#include <algorithm>

#include "chain/rooms.hpp"

namespace mitibox {

namespace {

/// What the box takes for a host that has not spoken yet, in bytes from the client's first.
constexpr std::uint32_t kCovered = 8192;

bool bare_ack(const Packet& p) {
  return p.tcp_flags == tcp::kAck && p.payload_length() == 0;
}

}  // namespace

/// Whether its host is to hear of it.
bool Chain::Rooms::prove(Packet& p, const SynOffer& offer, Now now) {
  const Destination target = p.target();
  const Ruleset::Match match = match_of_proof(target, now);
  if (match == Ruleset::Match::illegitimate) {
    if (try_host(p, offer, now)) return true;
    weigh(p, now, [&] { trust.proven(p.source(), target, now.time); });
    return false;
  }
  if (ruleset->forwards(target.address)) return false;
  if (match != Ruleset::Match::open &&
      trust.judge(p.source(), target, now.time) == Trust::Decision::divert)
    return false;
  // Where nobody lives any more the box goes on in its place.
  if (!neighbours.correct_destination(p)) return false;
  call(p, offer, now);
  return true;
}

/// nullptr: there is no room.
Splice* Chain::Rooms::call(Packet& p, const SynOffer& offer, Now now) {
  if (Splice* const old = splices.find(p); old != nullptr) {
    if (old->trial) trial_failed(*old, trials.counters.abandoned, now);
    release(*old, Reason::host_refused);
  }
  if (!tracker.call(p, offer, now)) return nullptr;
  Splice* const s = splices.begin(p, Splice::State::calling, now);
  if (s == nullptr) {
    tracker.forget(p);
    return nullptr;
  }
  s->client_isn = p.sequence - 1;
  s->told = p.acknowledgement - 1;
  s->offer = offer;
  s->window = p.window << (offer.scaled() ? offer.window_scale : 0U);
  splices.call_later(*s, [&](Splice& call) { call_again(call, now); });
  ++splices.counters().called;
  reply.speak_for_host(p);
  if (!bare_ack(p)) keep(p, *s, now);
  return s;
}

/// Until the host is there to hear it.
void Chain::Rooms::keep(Packet& p, Splice& s, Now now) {
  if (!splices.hold(s, p, now)) return;
  p.verdict = Verdict::held;
  counters.held.add();
}

void Chain::Rooms::call_again(Splice& s, Now now) {
  ++s.calls;
  splices.visit_at(s, now.tick + Splices::kRepeat);
  if (rte_mbuf* syn = splices.make_syn(s); syn != nullptr)
    transmit.queue(syn, Side::inside, Transmit::Origin::made);
}

void Chain::Rooms::covered(Packet& p, Now now) {
  Connection* const c = tracker.covered(p);
  if (c == nullptr) {
    // An earlier packet of the burst has changed that.
    p.standing = Standing::stray;
    tracker.track(p, now);
    return;
  }
  Splice* const s = splices.find(p);
  const bool calling = c->state == TcpState::syn_sent;
  // A call that a restart cut short.
  if (calling && (s == nullptr || s->state != Splice::State::calling))
    return p.drop(Reason::no_connection);
  if (p.from == Side::inside) return calling ? host_answers(p, *s, now) : host_speaks(p, s, now);
  client_speaks(p, *c, s, now);
}

void Chain::Rooms::host_answers(Packet& p, Splice& s, Now now) {
  const TcpEvent event = tcp_event(p.tcp_flags);
  if (event == TcpEvent::rst && p.acknowledgement == s.client_isn + 1) {
    refused(s, now);
    stand_in(s, now);
    return p.consume(Reason::host_refused);
  }
  if (event == TcpEvent::ack) return challenged(p, s, now);
  if (event != TcpEvent::syn_ack) return p.drop(Reason::tcp_state);
  // The host may repeat its SYN/ACK if this is lost, and is answered again then.
  rte_mbuf* ack = splices.make_ack(p, s.window, tracker.client_scale(p));
  if (ack == nullptr) return p.drop(Reason::reply_pool);
  tracker.pass(p, now);
  if (p.verdict != Verdict::forward) return rte_pktmbuf_free(ack);
  // A host takes the time from its SYN/ACK to this for the round trip to its client, while it is
  // that of the LAN: BBR sends a tenth of what it could, timers start short. Nobody measures what
  // was sent twice (RFC 6298 section 3): so it is asked for its SYN/ACK once more.
  if (rte_mbuf* syn = s.calls == 1 ? splices.make_syn(s) : nullptr; syn != nullptr)
    transmit.queue(syn, Side::inside, Transmit::Origin::made);
  transmit.queue(ack, Side::inside, Transmit::Origin::made);
  tracker.answered(p, {s.told, s.window, s.offer.sack}, now);
  sacks.forget(p);
  ++splices.counters().answered;
  if (s.trial) trial_answered(s);
  count_hit(s.head.packet().target(), now);
  tell(EventType::accepted, s, now);
  p.consume(Reason::host_answered);
  s.state = Splice::State::open;
  s.calls = 0;
  splices.visit_at(s, now.tick + Splices::kRepeatHeld);
  deliver(s, now);
}

/// The host still holds an earlier connection of this flow: a reset ends that (RFC 5961 section 4).
void Chain::Rooms::challenged(Packet& p, Splice& s, Now now) {
  rte_mbuf* const reset = splices.make_reset(p);
  if (reset == nullptr) return p.drop(Reason::reply_pool);
  transmit.queue(reset, Side::inside, Transmit::Origin::made);
  splices.visit_at(s, now.tick + 1);  // and calls again
  p.consume(Reason::host_answered);
}

/// Sends on what the client has said before the host was there.
void Chain::Rooms::deliver(Splice& s, Now now) {
  for (std::size_t i = 0; i < s.held_count; ++i) {
    Packet& held = s.held[i].segment;
    tracker.find(held);
    tracker.pass(held, now);
    rte_mbuf_refcnt_update(held.frame, 1);
    // More than the host has room for it will ask for again.
    if (held.verdict != Verdict::forward) tracker.push(held);
    dress(held);
    counters.held.add(~std::uint64_t{0});
    to_host(held, Transmit::Origin::received);
  }
  if (s.held_count == 0) splices.acknowledged(s, s.client_isn);
}

void Chain::Rooms::host_speaks(Packet& p, Splice* s, Now now) {
  const Connection& c = *tracker.covered(p);
  if (tcp_event(p.tcp_flags) == TcpEvent::syn_ack) {
    // The box's answer to it was lost.
    if (p.acknowledgement != c.opener_isn + 1) return p.drop(Reason::tcp_window);
    rte_mbuf* ack = splices.make_ack(p, c.ends[index(Side::outside)].max_window, c.client_scale);
    if (ack != nullptr) transmit.queue(ack, Side::inside, Transmit::Origin::made);
    return p.consume(Reason::host_answered);
  }
  // Once the client has ended, the box also ends for the host, in its own time.
  const TcpEnd& said = c.ends[index(Side::inside)];
  const bool whole = p.sequence == said.end || (said.fin && p.sequence + 1 == said.end);
  const bool ends = (p.tcp_flags & (tcp::kFin | tcp::kRst)) != 0 && p.payload_length() == 0 &&
                    whole && reply.peer_ended(p);
  const bool news = !ends && (!bare_ack(p) || p.sequence != said.end);
  if (news) uncover(p);
  tracker.pass(p, now);
  if (p.verdict != Verdict::forward) return;
  const bool reset = (p.tcp_flags & tcp::kRst) != 0;
  if (s != nullptr && !reset) splices.acknowledged(*s, p.acknowledgement);
  if (!news) p.consume(Reason::host_answered);  // the box says so, or has said so before
  if (reset && s != nullptr) release(*s, Reason::host_refused);
  if (!ends) return;
  if (reset) tracker.forget(p);
  host_ended(p, now);
}

void Chain::Rooms::host_ended(const Packet& p, Now now) {
  if (rte_mbuf* fin = reply.host_ended(p, now); fin != nullptr)
    transmit.queue(fin, Side::outside, Transmit::Origin::made);
}

void Chain::Rooms::client_speaks(Packet& p, Connection& c, Splice* s, Now now) {
  using enum Reply::Saying;
  const Reply::Saying saying = reply.saying(p);
  const bool calling = c.state == TcpState::syn_sent;
  if (saying == over) {
    p.standing = Standing::stray;  // it may complete a new handshake
    return;
  }
  if (saying != nothing) c.last_seen = now.tick;
  if (saying == anything) return say(p, reply.converse(p, now).answer, now);
  if (saying == data_in_order && holdable(p) &&
      p.sequence + p.payload_length() - c.opener_isn <= kCovered + 1) {
    if (s == nullptr) s = splices.begin(p, Splice::State::open, now);
    if (s != nullptr) s->client_isn = c.opener_isn;
    if (s != nullptr && splices.can_hold(*s)) return take(p, *s, now);
  }
  // What the host itself must hear.
  if (!calling) {
    // What has ended stays known, or its own old segments would open it again.
    if (saying == reset && s != nullptr) release(*s, Reason::host_refused);
    if (saying == last_ack || saying == reset) {
      reply.converse(p, now);
      tracker.uncover(p);
    } else {
      uncover(p);
    }
    return tracker.pass(p, now);
  }
  if (saying == reset) {
    const Reply::Answer a = reply.converse(p, now).answer;
    give_up(*s, now);
    return say(p, a, now);
  }
  p.drop(Reason::splice_full);  // the client will repeat it
}

/// Acknowledges data, and sees to it that the host gets it.
void Chain::Rooms::take(Packet& p, Splice& s, Now now) {
  const Packet told = p;
  if (s.state == Splice::State::open) {
    tracker.pass(p, now);
    if (p.verdict != Verdict::forward) return splices.acknowledged(s, s.client_isn);
  }
  const Reply::Answer a = reply.converse(told, now).answer;
  speak(a.frame, now);
  if (s.state == Splice::State::open) {
    if (splices.hold(s, p, now)) rte_mbuf_refcnt_update(p.frame, 1);
  } else if (a.reason == Reason::reply_pool) {
    p.drop(a.reason);
  } else {
    neighbours.correct_destination(p);
    keep(p, s, now);
  }
}

void Chain::Rooms::uncover(Packet& p) {
  tracker.uncover(p);
  reply.forget(p);
}

/// The client stays with the box, which nothing tells from a host.
void Chain::Rooms::give_up(Splice& s, Now now) {
  if (s.trial) trial_failed(s, trials.counters.abandoned, now);
  Packet head = s.head.packet();
  head.hash = s.hash;
  if (tracker.find(head)) tracker.forget(head);
  release(s, Reason::host_refused);
  host_ended(head, now);
}

/// Of a service; nobody expects an answer of anything else.
void Chain::Rooms::refused(Splice& s, Now now) {
  if (s.trial) return trial_failed(s, trials.counters.refused, now);
  ++splices.counters().refused;
  tell(EventType::host_refused, s, now);
}

void Chain::Rooms::mute(Splice& s, Now now) {
  if (s.trial) return trial_failed(s, trials.counters.mute, now);
  ++splices.counters().mute;
  tell(EventType::host_mute, s, now);
}

/// As give_up, of a host that refused or was mute. From now on the conversation is the box's, and
/// has its port's voice: else its silence told a service that is down from what never was one.
void Chain::Rooms::stand_in(Splice& s, Now now) {
  const HeaderCopy proof = s.head;
  Packet head = proof.packet();
  head.hash = s.hash;
  give_up(s, now);
  const Reply::Answer words = reply.give_voice(head, {}, now);
  if (words.frame != nullptr) transmit.queue(words.frame, Side::outside, Transmit::Origin::made);
}

/// Ends the splice; what has never gone on ends under this reason.
void Chain::Rooms::release(Splice& s, Reason why) {
  const bool calling = s.state == Splice::State::calling;
  if (s.trial) end_trial(s);
  splices.end(s, [&](rte_mbuf* frame) {
    if (!calling) return rte_pktmbuf_free(frame);
    counters.held.add(~std::uint64_t{0});
    end_frame(frame, why, counters);
  });
}

void Chain::Rooms::repeat(Splice& s, Now now) {
  if (s.state == Splice::State::calling) {
    if (s.calls < Splices::kCalls) return call_again(s, now);
    mute(s, now);
    return stand_in(s, now);
  }
  Packet head = s.head.packet();
  head.hash = s.hash;
  const bool known = tracker.find(head);
  if (s.calls == Splices::kHeldTries || !known) {
    if (known) ++splices.counters().lost;
    return release(s, Reason::host_refused);
  }
  ++s.calls;
  splices.visit_at(s, now.tick + std::min(Splices::kRepeatHeld << s.calls, Splices::kRepeatMost));
  const std::size_t before = s.held_count;
  splices.acknowledged(s, tracker.acknowledged_inside(head));
  if (before == 0 || s.state != Splice::State::open) return;
  for (std::size_t i = 0; i < s.held_count; ++i) {
    s.held[i].segment.host_mss = tracker.host_mss(head);  // a link may have turned out narrow
    rte_mbuf_refcnt_update(s.held[i].segment.frame, 1);
    to_host(s.held[i].segment, Transmit::Origin::made);
  }
}

}  // namespace mitibox
