// SPDX-License-Identifier: BSD-3-Clause
// How connections begin: accepted openings, restarts, and what the grace period picks up.
#include "tracker/sequence.hpp"
#include "tracker/tracker.hpp"

namespace mitibox {

namespace {

/// Whether a SYN holds an option that signs the sequence numbers, or data before the handshake.
bool signs_numbers(const Packet& syn) {
  const std::uint8_t* at = syn.data() + syn.l4 + sizeof(TcpHeader);
  const std::uint8_t* const end = syn.data() + syn.payload;
  while (at < end && *at != tcp::kOptionEnd) {
    if (*at == tcp::kOptionNop) {
      ++at;
      continue;
    }
    if (*at == tcp::kOptionMd5 || *at == tcp::kOptionAo) return true;
    if (end - at < 2 || at[1] < 2) break;
    at += at[1];
  }
  return false;
}

}  // namespace

Connection& Tracker::blank(Packet& p, Now now) {
  table(p).begin(p.connection);
  Connection& c = record(p);
  c.last_seen = now.tick;
  c.noted = static_cast<std::uint16_t>((now.tick - kNoteEvery) >>
                                       8U);  // due with the first packet from inside
  // The first challenge of a connection is always allowed.
  c.challenged = static_cast<std::uint16_t>((now.tick >> 6U) - 8U);
  c.protocol = p.protocol;
  c.opener = p.from;
  c.replied = false;
  c.provisional = false;
  c.shifted = c.covered = c.rescaled = c.posed = false;
  c.client_scale = 0;
  c.shift = 0;
  for (TcpEnd& end : c.ends) end = TcpEnd{};
  return c;
}

// RFC 6528: a function of the connection and a clock of 64 ns, as the persona counts.
void Tracker::draw_isn(Packet& p, Connection& c, Now now) const {
  if (!isn_ || untouched_ || p.from != Side::inside || signs_numbers(p)) return;
  const std::uint64_t clock = static_cast<std::uint64_t>(now.time.count()) >> 6U;
  c.shift = static_cast<std::uint32_t>(siphash24(*isn_, p.key.used(p.family)) + clock) - p.sequence;
  c.shifted = true;
  if (poses_) pose(p, c);
}

void Tracker::start(Packet& p, Now now) {
  Connection& c = blank(p, now);
  if (p.protocol == protocol::kTcp) {
    c.state = TcpState::syn_sent;
    c.opener_isn = p.sequence;
    start_end(c.ends[index(p.from)], c.ends[index(other(p.from))], p);
    draw_isn(p, c, now);
  }
  table(p).check_at(p.connection, now.tick + timeout(c));
  p.standing = Standing::known;
  p.forward();
  translate_syn(p, c);
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
      p.forward();
      return translate_syn(p, c);
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

bool Tracker::call(Packet& ack, const SynOffer& offer, Now now) {
  ConnectionTable& t = table(ack);
  std::int32_t at = t.find(ack.key.words.data(), ack.hash);
  if (at < 0)
    at = t.insert(ack.key.words.data(), ack.hash, Stage::settled);
  else
    t.move_to(at, Stage::settled);
  if (at < 0) return false;
  ack.connection = at;
  Connection& c = blank(ack, now);
  c.state = TcpState::syn_sent;
  c.opener_isn = ack.sequence - 1;
  c.covered = true;
  c.rescaled = offer.scaled();
  c.client_scale = offer.scaled() ? offer.window_scale & 0x0fU : 0U;
  TcpEnd& client = c.ends[index(Side::outside)];
  client.end = client.limit = ack.sequence;
  client.max_window = std::max(1U, std::min(ack.window << c.client_scale, 0xffffU));
  client.scale = c.client_scale;
  client.scale_offered = offer.scaled();
  client.seen = true;
  c.ends[index(Side::inside)].acked = c.opener_isn;
  t.check_at(at, now.tick + timeout(c));
  return true;
}

Connection* Tracker::covered(Packet& p) {
  refresh(p);
  if (p.connection < 0 || !record(p).covered) return nullptr;
  return &record(p);
}

void Tracker::answered(const Packet& syn_ack, const Promise& promise, Now now) {
  Connection& c = record(syn_ack);
  c.shift = promise.isn - syn_ack.sequence;
  c.shifted = true;
  TcpEnd& client = c.ends[index(Side::outside)];
  TcpEnd& host = c.ends[index(Side::inside)];
  client.acked = syn_ack.sequence + 1;
  client.max_window = std::max(client.max_window, promise.window);
  host.limit = client.acked + client.max_window;
  const SynOffer offer = read_offer(syn_ack);
  if (splits_ && offer.mss < persona_mss(syn_ack.family)) host.mss = std::max(offer.mss, kLeastMss);
  host.lacks_sack = sacks_ && promise.sack && !offer.sack;
  c.state = TcpState::established;
  table(syn_ack).check_at(syn_ack.connection, now.tick + timeout(c));
}

void Tracker::reconsider(Packet& p, Now now) {
  if (looked_up_ != epochs()) track(p, now);
}

void Tracker::pick_up(Packet& p, bool host_lives, Now now) {
  if (!in_grace(now)) return;
  refresh(p);
  if (p.connection >= 0) return;  // known, though this fits nowhere in it
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
  c.noted = static_cast<std::uint16_t>((now.tick - kNoteEvery) >>
                                       8U);  // due with the first packet from inside
  c.protocol = p.protocol;
  c.state = TcpState::established;
  // Who opened it nobody knows; the rows of both ends are alike from here on.
  c.opener = Side::inside;
  c.replied = true;
  c.provisional = outside;
  mitibox::pick_up(c.ends[index(p.from)], c.ends[index(other(p.from))], p);
  if (tcp_event(p.tcp_flags) == TcpEvent::fin) {
    c.ends[index(p.from)].fin = true;
    c.state = TcpState::closing;
  }
  table(p).check_at(p.connection, now.tick + timeout(c));
  p.standing = Standing::known;
  p.forward();
}

}  // namespace mitibox
