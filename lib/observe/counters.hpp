// SPDX-License-Identifier: BSD-3-Clause
/// What one lcore counts. Plain 64-bit numbers: written by the owner lcore alone, read by the
/// control thread, relaxed.
#pragma once

#include <array>
#include <cstdint>

#include "packet/packet.hpp"

namespace mitibox {

/// A number with one writer and any reader; an increment is an ordinary add, no lock prefix.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    __atomic_store_n(&value_, __atomic_load_n(&value_, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
  }
  [[nodiscard]] std::uint64_t get() const { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }

 private:
  std::uint64_t value_ = 0;
};

/// While the box only watches: what it would have done if it did more; bypasses too.
struct Watched {
  Counter let;                 ///< frames that left as they came
  Counter translated;          ///< frames of connections that began before, and go on as they were
  Counter fragments_unjudged;  ///< fragments that left unseen
  Counter bypassed;            ///< frames of bypassed sources, whatever the mode
  std::array<Counter, kReasons.size()> would_end;  ///< frames
  Counter would_accept;                            ///< attempts from outside at services
  Counter would_delay;     ///< attempts at services whose first packet the coin would have dropped
  Counter would_divert;    ///< attempts of distrusted sources
  Counter would_forge;     ///< attempts at what is no service
  Counter would_distrust;  ///< handshakes that clients completed with what is no service

  void ends(Reason why) { would_end[index(why)].add(); }
};

/// At any quiet moment, over all lcores:
///   received[outside] + received[inside] ==
///     sum(forwarded) + sum(refused) + sum(ended, all reasons) + held
///   and each port's opackets == forwarded[port] + made[port], and sum(handed) == sum(adopted).
struct Counters {
  std::array<Counter, kSides> received;        ///< frames taken from this port
  std::array<Counter, kSides> forwarded;       ///< received frames that this port accepted to send
  std::array<Counter, kSides> refused;         ///< received frames that this port refused to send
  std::array<Counter, kSides> made;            ///< frames of the box's own that this port accepted
  std::array<Counter, kSides> made_refused;    ///< frames of the box's own that this port refused
  std::array<Counter, kSides> at_owner;        ///< handled frames that arrived at their owner
  std::array<Counter, kSides> handed;          ///< frames given to another worker
  std::array<Counter, kSides> adopted;         ///< frames that another worker gave
  std::array<Counter, kReasons.size()> ended;  ///< received frames that ended in the box
  std::array<Counter, kClasses> classes;       ///< received frames by Class
  Watched monitor;
  Counter held;  ///< received frames that wait now: for the rest of their datagram, for a host
};

}  // namespace mitibox
