// SPDX-License-Identifier: BSD-3-Clause
// The way of a burst: what is done with each packet alone, and the order of the rooms.
#include <rte_cycles.h>

#include <algorithm>

#include "base/poison.hpp"
#include "chain/owned.hpp"
#include "chain/rooms.hpp"
#include "packet/parse.hpp"

namespace mitibox {

namespace {

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

}  // namespace

void Chain::Rooms::enter(Origin origin, Side from, std::span<rte_mbuf* const> frames, Now now) {
  if (profile == nullptr) [[likely]]
    run(NoWatch(), {origin, from, frames, now});
  else
    run(Watch(*profile), {origin, from, frames, now});
}

template <typename Timer>
void Chain::Rooms::run(Timer timer, const Arrival& arrival) {
  const Now now = arrival.now;
  if (observer != nullptr) observer->now = now;
  if (keeps) [[unlikely]]
    originals.save(arrival.frames);
  // The order of the rooms. Each sees the whole burst; what has its verdict passes the rest by.
  if (outbox.has_value() && arrival.origin == Origin::port)
    receive<true>(arrival);
  else
    receive<false>(arrival);
  if (keeps) [[unlikely]]
    watch(now);
  timer.lap(0);
  if (!foreseen.empty()) foresee(now);
  if (!handled.empty()) track(now);
  timer.lap(1);
  if (!openings.empty()) draw(now);
  timer.lap(2);
  if (!openings.empty()) judge(now);
  timer.lap(3);
  if (!diverted.empty()) divert(now);
  timer.lap(4);
  if (!strays.empty()) settle_strays(now);
  if (observer != nullptr) observe(now);
  timer.lap(5);
  emit(now);
  timer.lap(6);
}

// What looks at one packet alone is done in one pass, while its headers are at hand: parse,
// classify, scrub. With several workers whose they are is found out in between, for all at once.
template <bool kShared>
void Chain::Rooms::receive(const Arrival& arrival) {
  const std::span<rte_mbuf* const> frames = arrival.frames;
  const Side from = arrival.from;
  const Now now = arrival.now;
  count = std::min(frames.size(), kBurst);
  for (std::size_t i = 0; i < count; ++i) rte_prefetch0(rte_pktmbuf_mtod(frames[i], void*));
  joined.clear();
  apart.clear();
  handled.clear();
  foreseen.clear();
  openings.clear();
  unlisted.clear();
  diverted.clear();
  strays.clear();
  std::array<std::uint32_t, kClasses> classes{};
  const auto scrub = [&](std::size_t i) __attribute__((always_inline)) {
    Packet& p = packets[i];
    if (p.verdict != Verdict::pending) return;
    ++classes[static_cast<std::size_t>(p.klass)];
    if (p.klass < Class::inbound) {
      settle_neighbour(p, now);
      return;
    }
    scrubber.scrub(p);
    if (p.verdict == Verdict::gather) [[unlikely]]
      gather(i, now);
    if (p.verdict != Verdict::pending) return;
    handled.add(i);
    if (p.tcp_flags == tcp::kSyn && from == Side::outside) foreseen.add(i);
  };
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
    if constexpr (!kShared) scrub(i);
  }
  if constexpr (kShared) {
    hand_over(from);
    for (std::size_t i = 0; i < count; ++i) scrub(i);
  }
  for (std::size_t i = 0; i < kClasses; ++i)
    if (classes[i] != 0) counters.classes[i].add(classes[i]);
}

/// A fragment; with the last one of a datagram the whole takes its place.
void Chain::Rooms::gather(std::size_t place, Now now) {
  Packet& p = packets[place];
  if (orders.monitors || (keeps && bypassed(p, now))) return;  // watch() lets it go
  if (!reassembly.gather(p, now)) return;
  joined.add(place);
  apart.add(place);
  if (p.verdict == Verdict::pending) scrubber.scrub(p);
}

/// Gives packets to their owners unless that is here.
void Chain::Rooms::hand_over(Side from) {
  std::array<Address, kBurst> addresses;
  std::array<unsigned, kBurst> owners;
  std::array<std::uint8_t, kBurst> places;
  std::size_t n = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Packet& p = packets[i];
    if (p.verdict != Verdict::pending || p.klass == Class::pass) continue;
    if (p.klass == Class::neighbour) {
      if (self != 0) hand(p, 0);
      continue;
    }
    addresses[n] = flow_address(p);
    places[n++] = static_cast<std::uint8_t>(i);
  }
  owner->of({addresses.data(), n}, {owners.data(), n});
  std::uint32_t kept = 0;
  for (std::size_t k = 0; k < n; ++k) {
    if (owners[k] == self)
      ++kept;
    else
      hand(packets[places[k]], owners[k]);
  }
  if (kept != 0) counters.at_owner[index(from)].add(kept);
  counters.handed[index(from)].add(
      outbox->flush([&](rte_mbuf* frame) { end_frame(frame, Reason::handoff_full, counters); }));
}

void Chain::Rooms::hand(Packet& p, unsigned to) {
  p.verdict = Verdict::handed;
  // The owner looks at it anew: what it is told is the port alone.
  p.frame->port = static_cast<std::uint16_t>(p.from);
  unpoison_frame(p.frame);
  outbox->put(to, p.frame);
}

void Chain::Rooms::settle_neighbour(Packet& p, Now now) {
  if (p.klass == Class::neighbour && !orders.monitors) {
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
void Chain::Rooms::leave_inside(Packet& p, Now now) {
  Neighbours::Output made;
  neighbours.seen_inside(p, now, made);
  flush(made);
  if (p.klass == Class::outbound && p.protocol == protocol::kUdp)
    peers.addressed(p.destination(), now);
}

void Chain::Rooms::flush(const Neighbours::Output& output) {
  for (std::size_t i = 0; i < output.count; ++i)
    if (orders.monitors)
      discard(output.frames[i].frame);
    else
      transmit.queue(output.frames[i].frame, output.frames[i].to, Transmit::Origin::made);
}

void Chain::Rooms::emit(Now now) {
  std::array<rte_mbuf*, kBurst> over;
  unsigned ended = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Packet& p = packets[i];
    if (p.verdict >= Verdict::handed) continue;
    if (apart.has(i)) [[unlikely]] {
      if (joined.has(i))
        emit_joined(p, now);
      else
        leave_untouched(i);
      continue;
    }
    if (p.verdict != Verdict::forward) {
      counters.ended[index(p.reason)].add();
      unpoison_frame(p.frame);
      over[ended++] = p.frame;
      continue;
    }
    // Of a known connection whose host is gone nothing changes: it has fallen silent.
    if (p.from == Side::outside) neighbours.correct_destination(p);
    dress(p);
    if (p.limited != Limited::no) [[unlikely]] {
      emit_limited(p, now);
      continue;
    }
    transmit.queue(p.frame, other(p.from), Transmit::Origin::received);
  }
  if (ended != 0) free_frames({over.data(), ended});
}

void Chain::Rooms::emit_joined(Packet& p, Now now) {
  if (p.verdict == Verdict::forward) {
    if (p.from == Side::outside) neighbours.correct_destination(p);
    // It may leave in pieces again, which get an identifier of their own.
    p.fragment = Fragment::first;
    dress(p);
    p.fragment = Fragment::none;
    if (Splitter::needed(p)) split_joined(p);
  }
  reassembly.end(p, now, [&](rte_mbuf* frame) {
    transmit.queue(frame, other(p.from), Transmit::Origin::received);
  });
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
