// SPDX-License-Identifier: BSD-3-Clause
#include "tracker/tracker.hpp"

#include <array>

#include "packet/parse.hpp"
#include "tracker/sequence.hpp"

namespace mitibox {

namespace {

/// A connection idle for this long may be one that its peer has forgotten.
constexpr std::uint32_t kLongIdle = 300'000;
/// Half-opens and unproven datagram flows, which anyone can make from afar, get these shares.
constexpr std::uint32_t kHalfOpenShare = 4;
constexpr std::uint32_t kDatagramShare = 2;

ConnectionTable::Sizes sizes(std::uint32_t capacity) {
  return {capacity, std::max(1U, capacity / kHalfOpenShare),
          std::max(1U, capacity / kDatagramShare)};
}

bool is_echo_request(const Packet& p) {
  return p.icmp().type == (p.family == Family::v4 ? icmp4::kEcho : icmp6::kEcho);
}

bool is_echo(const Packet& p) {
  return is_echo_request(p) ||
         p.icmp().type == (p.family == Family::v4 ? icmp4::kEchoReply : icmp6::kEchoReply);
}

/// The side that opened an echo flow, as this packet shows it: a request comes from it, a reply
/// goes to it.
Side echo_opener(const Packet& p) {
  return is_echo_request(p) ? p.from : other(p.from);
}

/// A host's reset after the end, where the box answered for it: forged conversations are silent
/// there (rule N-OUT-16).
bool is_late(const Connection& c, const Packet& p) {
  return p.from == Side::inside && c.opener == Side::outside && c.shifted &&
         (c.state == TcpState::time_wait ||
          (c.state == TcpState::reset && c.ends[index(Side::outside)].reset));
}

/// S-ICMP-5: before anything depends on what is behind the destination. Apart, for the sake of UDP.
[[gnu::noinline]] bool over_rate(IcmpRates& rates, const Packet& p, Now now) {
  return p.from == Side::outside && is_echo_request(p) && !rates.echo(p, now);
}

}  // namespace

Tracker::Tracker(const Policy& policy, const Config& config)
    : timeouts_(policy),
      udp_silent_(policy.reply.udp == Policy::UdpReply::silent),
      splits_(policy.normalise.segments),
      sacks_(policy.normalise.sack),
      poses_(policy.normalise.options && policy.normalise.isn),
      rates_(config.rates),
      isn_(policy.normalise.isn ? std::optional(config.isn) : std::nullopt),
      grace_end_(config.started + policy.timeouts.grace),
      v4_(config.name + " conn4", kKeySizeV4, sizes(config.capacity_v4), config.secret,
          config.place),
      v6_(config.name + " conn6", kKeySizeV6, sizes(config.capacity_v6), config.secret,
          config.place) {}

namespace {

/// The packets of a burst that one table shall find, a column for each word of their keys.
template <std::size_t Words>
struct Batch {
  std::array<std::array<std::uint64_t, kBurst>, Words> columns;
  std::array<const void*, kBurst> keys;
  std::array<Packet*, kBurst> packets;
  std::size_t count = 0;

  void add(Packet& p) {
    for (std::size_t w = 0; w < Words; ++w) columns[w][count] = p.key.words[w];
    keys[count] = p.key.words.data();
    packets[count] = &p;
    ++count;
  }

  void find_in(const ConnectionTable& table) {
    if (count == 0) return;
    std::array<std::uint32_t, kBurst> hashes;
    std::array<std::int32_t, kBurst> positions;
    table.hash(columns, count, hashes);
    table.find({keys.data(), count}, hashes.data(), positions.data());
    for (std::size_t i = 0; i < count; ++i) {
      packets[i]->hash = hashes[i];
      packets[i]->connection = positions[i];
    }
  }
};

}  // namespace

void Tracker::lookup(std::span<Packet> burst) {
  looked_up_ = epochs();
  Batch<kKeySizeV4 / 8> v4;
  Batch<kKeySizeV6 / 8> v6;
  for (Packet& p : burst) {
    if (p.verdict != Verdict::pending || p.klass < Class::inbound) continue;
    if (p.is_icmp()) {
      if (!is_echo(p)) continue;  // errors are looked up by what they quote
      set_flow_key(p, echo_opener(p));
    } else {
      set_flow_key(p, p.from);
    }
    if (p.family == Family::v4)
      v4.add(p);
    else
      v6.add(p);
  }
  v4.find_in(v4_);
  v6.find_in(v6_);
}

void Tracker::track_other(Packet& p, Now now) {
  if (p.is_icmp() && rates_ != nullptr && over_rate(*rates_, p, now)) [[unlikely]]
    return p.drop(Reason::echo_rate);
  if (p.connection < 0) {
    if (p.is_icmp() && !is_echo_request(p)) return p.drop(Reason::icmp_unrelated);
    p.standing = Standing::opening;
    return;
  }
  Connection& c = record(p);
  p.standing = Standing::known;
  c.last_seen = now.tick;
  if (!c.replied && p.from != c.opener) {
    c.replied = true;
    if (c.stage == Stage::half_open) table(p).move_to(p.connection, Stage::datagram);
  }
  p.forward();
}

inline void Tracker::enter(Packet& p, TcpState state, Now now) {
  Connection& c = record(p);
  if (c.state == state) return;
  c.state = state;
  // The new deadline may be nearer than the one that the sweep knows.
  table(p).check_at(p.connection, now.tick + timeout(c));
}

/// Before the record knows of the segment.
void Tracker::limit(Packet& p, const Connection& c) {
  p.host_mss = c.ends[index(Side::inside)].mss;
  p.limited = Limited::yes;
  if (seq_after(p.sequence, c.ends[index(Side::outside)].end))
    p.limited = Limited::ahead;
  else if (seq_after(p.sequence, c.ends[index(Side::inside)].acked))
    p.limited = Limited::beyond;
}

inline void Tracker::track_tcp(Packet& p, Now now) {
  const TcpEvent event = tcp_event(p.tcp_flags);
  if (p.connection < 0) {
    p.standing = event == TcpEvent::syn ? Standing::opening : Standing::stray;
    return;
  }
  if (record(p).covered) {
    // Whether a SYN belongs to the conversation is Reply's to say, as of those who do not exist.
    const bool syn = event == TcpEvent::syn && p.from == Side::outside;
    p.standing = syn ? Standing::opening : Standing::covered;
    return;
  }
  if (event == TcpEvent::syn) {
    p.standing = Standing::known;
    return track_syn(p, now);
  }
  track_segment(p, now);
}

void Tracker::track_segment(Packet& p, Now now) {
  const TcpEvent event = tcp_event(p.tcp_flags);
  Connection& c = record(p);
  p.standing = Standing::known;
  const bool translated = c.shifted && p.from == Side::outside;
  const std::uint32_t told = p.acknowledgement;
  const std::uint32_t window = p.window;
  if (translated) {
    read_for_host(p, c);
    if (c.ends[index(Side::inside)].limited()) [[unlikely]]
      limit(p, c);
  }
  const bool from_opener = p.from == c.opener;
  TcpEnd& sender = c.ends[index(p.from)];
  TcpEnd& receiver = c.ends[index(other(p.from))];
  const auto& rows = from_opener ? kFromOpener : kFromResponder;
  const TcpStep step = rows[static_cast<std::size_t>(c.state)][static_cast<std::size_t>(event)];
  // A SYN is judged before, where it may be one.
  if (step >= TcpStep::illegal) return p.drop(Reason::tcp_state);

  if (event == TcpEvent::rst && is_late(c, p)) return p.drop(Reason::late_reset);

  if (c.provisional && p.from == Side::inside) {
    if (event == TcpEvent::rst) {
      table(p).erase(p.connection);
      return p.drop(Reason::provisional_reset);
    }
    c.provisional = false;
    table(p).move_to(p.connection, Stage::settled);
  }

  if (event == TcpEvent::syn_ack) {
    const bool first = !sender.seen || c.state == TcpState::syn_sent;
    if (first ? !answers_syn(p) : !in_window(sender, receiver, p))
      return p.drop(Reason::tcp_window);
    if (first) start_end(sender, receiver, p);
    if (c.posed) {
      if (first) settle_pose(p, c);
      if (!lay_syn(p, c)) return p.drop(Reason::reply_pool);
    }
    // The client has had the box's; its own segments acknowledge the host's.
    if (!first && c.shifted && c.opener == Side::outside) return p.consume(Reason::host_answered);
  } else if (c.state == TcpState::syn_sent) {
    // Until the answer's own numbers are known, what counts is that it answers this SYN.
    const bool challenge = event == TcpEvent::ack;
    if (!from_opener && !challenge && p.acknowledgement != receiver.end)
      return p.drop(Reason::tcp_window);
    if (challenge) sender.acked = p.acknowledgement;
    if (from_opener && p.sequence != sender.end) {
      // The opener's answer to a challenge: it will repeat its SYN.
      if (p.sequence != receiver.acked) return p.drop(Reason::tcp_window);
      return p.forward();
    }
  } else {
    if (!in_window(sender, receiver, p)) {
      const bool over = c.state >= TcpState::closing || elapsed(now.tick, c.last_seen) >= kLongIdle;
      if (!translated || !over || p.sequence == c.opener_isn + 1) return p.drop(Reason::tcp_window);
      // It may complete a new handshake with the box.
      p.standing = Standing::stray;
      p.acknowledgement = told;
      p.window = window;
      return;
    }
    if (from_opener && event != TcpEvent::rst && c.stage == Stage::half_open && !c.provisional) {
      // Only who got the SYN/ACK knows its number: what follows cannot be evicted from afar.
      if (!seq_after(p.acknowledgement, sender.acked)) return p.drop(Reason::tcp_window);
      table(p).move_to(p.connection, Stage::settled);
    }
    advance(sender, receiver, p);
  }
  c.last_seen = now.tick;
  c.replied = c.replied || !from_opener;
  p.forward();
  translate(p, c);

  TcpState next = state_of(step);
  if (event == TcpEvent::rst) {
    // An inexact one is for its receiver to challenge (RFC 5961 section 3.2), not for the box.
    if (c.state != TcpState::syn_sent && !reset_is_exact(sender, receiver, p)) return;
    sender.reset = true;
  } else if (next == TcpState::closing && sender.fin && receiver.fin) {
    next = TcpState::last_ack;
  }
  if (next == TcpState::last_ack && sender.acked == receiver.end && receiver.acked == sender.end)
    next = TcpState::time_wait;
  enter(p, next, now);
}

void Tracker::track_known(Packet& p, Now now) {
  if (p.is_icmp() && !is_echo(p)) return track_error(p, now);
  refresh(p);
  if (p.protocol == protocol::kTcp) return track_tcp(p, now);
  track_other(p, now);
}

bool Tracker::answers_syn(const Packet& p) {
  // Data that came with the SYN may be taken or not (RFC 9293 section 3.10.7.3).
  const Connection& c = record(p);
  return seq_after(p.acknowledgement, c.opener_isn) &&
         !seq_after(p.acknowledgement, c.ends[index(other(p.from))].end);
}

void Tracker::track_syn(Packet& p, Now now) {
  Connection& c = record(p);
  TcpEnd& sender = c.ends[index(p.from)];
  TcpEnd& receiver = c.ends[index(other(p.from))];
  const bool from_opener = p.from == c.opener;
  const bool repeats = from_opener && p.sequence == c.opener_isn;
  switch (c.state) {
    case TcpState::syn_sent:
    case TcpState::simultaneous:
    case TcpState::syn_received:
      // A repetition may leave out the data that the first one held.
      if (repeats || (sender.seen && p.sequence + 1 == sender.end)) {
        c.last_seen = now.tick;
        p.forward();
        return translate_syn(p, c);
      }
      if (!from_opener && !sender.seen && c.opener == Side::inside) {
        start_end(sender, receiver, p);
        if (c.posed) settle_pose(p, c);
        c.last_seen = now.tick;
        p.forward();
        translate_syn(p, c);
        return enter(p, TcpState::simultaneous, now);
      }
      // Another ISN is another attempt.
      p.standing = Standing::opening;
      return;
    case TcpState::established:
      if (elapsed(now.tick, c.last_seen) < kLongIdle) {
        // One packet from outside made it: it proves nothing that a challenge could defend.
        if (c.provisional && p.from == Side::outside) {
          p.standing = Standing::opening;
          return;
        }
        // The LAN is trusted: its host has forgotten this one, and its peer may have too. From
        // outside the box challenges.
        if (p.from == Side::inside && !repeats) return restart(p, now);
        if (p.from == Side::inside) {
          p.forward();
          return translate_syn(p, c);
        }
        p.verdict = Verdict::divert;
        return;
      }
      break;
    case TcpState::closing:
    case TcpState::last_ack:
    case TcpState::time_wait:
      // Its own SYN, late: whoever still knows the connection answers with an ACK.
      if (repeats && !c.shifted) return p.forward();
      break;
    case TcpState::reset:
      break;
  }
  // The treatment of a connection from outside extends to its tuple's next one. What the LAN opened
  // gives its peer no right to open in turn.
  // Where the box answered for the host it does so again.
  if (p.from == Side::outside && (c.opener == Side::inside || c.shifted)) {
    p.standing = Standing::opening;
    return;
  }
  restart(p, now);
}

Tracker::Challenge Tracker::challenge(const Packet& syn, Now now) {
  Connection& c = record(syn);
  const auto slot = static_cast<std::uint16_t>(now.tick >> 6U);
  const bool allowed = static_cast<std::uint16_t>(slot - c.challenged) >= 8;
  if (allowed) c.challenged = slot;
  const TcpEnd& host = c.ends[index(Side::inside)];
  // What the host itself has acknowledged: the box has seen octets that it never got.
  const std::uint32_t window = c.rescaled ? std::uint32_t{window_for_outside(host.max_window, c)}
                                          : host.max_window >> host.scale;
  return {allowed, host.end + c.shift, host.acked,
          static_cast<std::uint16_t>(std::min(window, 0xffffU))};
}

std::uint32_t Tracker::timeout(const Connection& c) const {
  if (c.protocol == protocol::kUdp) return c.replied ? timeouts_.udp_replied : timeouts_.udp;
  if (c.protocol != protocol::kTcp) return timeouts_.other;
  switch (c.state) {
    case TcpState::syn_sent:
    case TcpState::simultaneous:
    case TcpState::syn_received:
      return timeouts_.half_open;
    case TcpState::established:
      return c.provisional ? timeouts_.half_open : timeouts_.established;
    case TcpState::closing:
    case TcpState::last_ack:
      return timeouts_.closing;
    case TcpState::time_wait:
    case TcpState::reset:
      break;
  }
  return timeouts_.time_wait;
}

void Tracker::sweep(Now now) {
  const auto deadline = [&](const Connection& c) { return c.last_seen + timeout(c); };
  v4_.sweep(now.tick, deadline);
  v6_.sweep(now.tick, deadline);
}

std::size_t Tracker::memory_bytes(std::uint32_t capacity_v4, std::uint32_t capacity_v6) {
  return ConnectionTable::memory_bytes(kKeySizeV4, capacity_v4) +
         ConnectionTable::memory_bytes(kKeySizeV6, capacity_v6);
}

}  // namespace mitibox
