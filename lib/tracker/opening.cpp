// SPDX-License-Identifier: BSD-3-Clause
// How connections begin: accepted openings, restarts, and what the grace period picks up.
#include "tracker/sequence.hpp"
#include "tracker/tracker.hpp"

namespace mitibox {

void Tracker::start(Packet& p, Now now) {
  table(p).begin(p.connection);
  Connection& c = record(p);
  c.last_seen = now.tick;
  c.noted = now.tick - kNoteEvery;  // due with the first packet from inside
  // The first challenge of a connection is always allowed.
  c.challenged = static_cast<std::uint16_t>((now.tick >> 6U) - 8U);
  c.protocol = p.protocol;
  c.opener = p.from;
  c.replied = false;
  c.provisional = false;
  for (TcpEnd& end : c.ends) end = TcpEnd{};
  if (p.protocol == protocol::kTcp) {
    c.state = TcpState::syn_sent;
    c.opener_isn = p.sequence;
    start_end(c.ends[index(p.from)], c.ends[index(other(p.from))], p);
  }
  table(p).check_at(p.connection, now.tick + timeout(c));
  p.standing = Standing::known;
  p.forward();
}

void Tracker::open(Packet& p, Now now) {
  ConnectionTable& t = table(p);
  const Stage stage = p.from == Side::inside ? Stage::settled : Stage::half_open;
  // An earlier packet of this burst may have opened it, or this attempt replaces a half-open one.
  const std::int32_t existing = t.find(p.key.words.data(), p.hash);
  if (existing >= 0) {
    p.connection = existing;
    Connection& c = t[existing];
    const bool same =
        p.protocol != protocol::kTcp || (c.opener == p.from && c.opener_isn == p.sequence);
    if (same) {
      c.last_seen = now.tick;
      return p.forward();
    }
    return restart(p, now);
  }
  p.connection = t.insert(p.key.words.data(), p.hash, stage);
  if (p.connection < 0) return p.drop(Reason::connection_table_full);
  start(p, now);
}

void Tracker::restart(Packet& p, Now now) {
  table(p).move_to(p.connection, p.from == Side::inside ? Stage::settled : Stage::half_open);
  start(p, now);
}

void Tracker::reconsider(Packet& p, bool host_lives, Now now) {
  if (looked_up_ != epochs()) {
    track(p, now);
    if (p.verdict != Verdict::pending || p.standing != Standing::stray) return;
  }
  if (!in_grace(now)) return;
  const TcpEvent event = tcp_event(p.tcp_flags);
  // A FIN or reset of the unknown is worth nothing to anyone but a scanner.
  if (event == TcpEvent::rst) return;
  if (p.from == Side::outside && (event != TcpEvent::ack || !host_lives)) return;
  pick_up_segment(p, now);
}

void Tracker::pick_up_segment(Packet& p, Now now) {
  const bool outside = p.from == Side::outside;
  p.connection =
      table(p).insert(p.key.words.data(), p.hash, outside ? Stage::half_open : Stage::settled);
  if (p.connection < 0) return p.drop(Reason::connection_table_full);
  Connection& c = record(p);
  c.last_seen = now.tick;
  c.noted = now.tick - kNoteEvery;  // due with the first packet from inside
  c.protocol = p.protocol;
  c.state = TcpState::established;
  // Who opened it nobody knows; the rows of both ends are alike from here on.
  c.opener = Side::inside;
  c.replied = true;
  c.provisional = outside;
  pick_up(c.ends[index(p.from)], c.ends[index(other(p.from))], p);
  if (tcp_event(p.tcp_flags) == TcpEvent::fin) {
    c.ends[index(p.from)].fin = true;
    c.state = TcpState::closing;
  }
  table(p).check_at(p.connection, now.tick + timeout(c));
  p.standing = Standing::known;
  p.forward();
}

}  // namespace mitibox
