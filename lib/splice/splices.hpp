// SPDX-License-Identifier: BSD-3-Clause
/// Splices: calls to hosts in the name of clients that completed a handshake with the box.
#pragma once

#include <rte_mempool.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "packet/builder.hpp"
#include "packet/header_copy.hpp"
#include "packet/offer.hpp"
#include "packet/persona.hpp"
#include "policy/policy.hpp"
#include "probability/fixed_array.hpp"
#include "splice/departures.hpp"
#include "splice/shares.hpp"
#include "tracker/flow_index.hpp"

namespace mitibox {

/// One call, and what its client has sent that the host has not acknowledged yet, though the box
/// has. Host byte order.
struct Splice {
  static constexpr std::size_t kHeld = 6;  ///< segments: 8 KiB at the persona's MSS

  enum class State : std::uint8_t {
    idle,     ///< not in use
    calling,  ///< the box's SYN is on its way to the host
    open,     ///< the host has answered; segments are held until it acknowledges them
  };

  struct Held {
    Packet segment;  ///< its frame is the splice's, or shared with the port that sends it
    std::uint32_t end = 0;
  };

  State state = State::idle;
  std::uint8_t calls = 0;  ///< SYNs sent, or repetitions of held segments
  std::uint8_t held_count = 0;
  bool trial = false;      ///< of what is no service yet; while calling
  std::uint32_t hash = 0;  ///< of the flow, keyed
  std::uint32_t client_isn = 0;
  std::uint32_t told = 0;    ///< the ISN that the client was told
  std::uint32_t window = 0;  ///< the client's, scaled
  SynOffer offer;
  FlowKey flow;
  Shares::Place share;
  HeaderCopy head;  ///< the segment that completed the handshake
  std::array<Held, kHeld> held;
};

/// Owned by one lcore. Bounded: calls last a round trip of the LAN, or four seconds when the host
/// is mute. Nothing is allocated after construction.
class Splices {
 public:
  static constexpr std::uint32_t kMost = 2048;      ///< calls and open splices that hold something
  static constexpr std::uint32_t kMostHeld = 2048;  ///< segments in all: a share of the port's pool
  static constexpr std::uint32_t kRepeat = 1000;    ///< ms between two SYNs of a call
  static constexpr std::uint32_t kRepeatHeld = 250;  ///< ms between two sendings of held segments
  static constexpr std::uint8_t kCalls = 4;          ///< then the host is mute
  /// Held segments are sent so often, at growing distances: for a minute.
  static constexpr std::uint8_t kHeldTries = 9;
  static constexpr std::uint32_t kRepeatMost = 16'000;  ///< ms

  struct Counters {
    std::uint64_t called = 0;    ///< hosts called
    std::uint64_t answered = 0;  ///< of these, hosts that answered
    std::uint64_t refused = 0;   ///< that refused: the client is deceived
    std::uint64_t mute = 0;      ///< that did not answer: likewise
    std::uint64_t lost = 0;      ///< splices whose host never took what was acknowledged for it
    std::uint64_t full = 0;      ///< calls not made, segments not held, for lack of room
  };

  struct Config {
    std::string name;                         ///< of the tables; unique in the process
    std::uint32_t held_segments = kMostHeld;  ///< at most, of the port's buffers
  };

  /// `pool`: for the frames made here. Throws std::runtime_error when memory is short.
  Splices(const Policy& policy, const Secrets& secrets, rte_mempool* pool, const Config& config);
  ~Splices();
  Splices(const Splices&) = delete;
  Splices& operator=(const Splices&) = delete;

  /// Whether another call can be made for the sender of this segment, and hold the segment.
  [[nodiscard]] bool room(const Packet& segment) const {
    const bool waits = says_something(segment);
    if (free_ == kNone || (waits && held_ >= most_held_)) return false;
    if (used_ < kAsked && (!waits || held_ < kHeldAsked)) return true;
    const Shares::Place at = shares_.place(segment);
    return shares_.room(at) && (!waits || shares_.may_hold(at));
  }
  /// The splice of a packet whose `key` and `hash` are set; nullptr when there is none.
  [[nodiscard]] Splice* find(const Packet& packet);

  /// A fresh one for the flow of this segment; nullptr when there is no room.
  Splice* begin(const Packet& segment, Splice::State state, Now now);

  /// When tick() is to visit it next.
  void visit_at(const Splice& splice, Tick when) { due_[place(splice)] = when == 0 ? 1 : when; }

  /// Lets leave() have it at one of its instants; at once when they are off, or too many wait.
  template <typename Call>
  void call_later(Splice& splice, Call call) {
    if (!departs_ || !departures_.add(place(splice))) call(splice);
  }
  /// Calls that nobody has made yet and whose time has come; call once a poll.
  template <typename Call>
  void leave(Now now, Call call) {
    departures_.take(now, [&](std::uint32_t at) {
      Splice& s = splices_[at];
      if (s.state == Splice::State::calling && s.calls == 0) call(s);
    });
  }

  /// Keeps a segment that the box acknowledges; false when there is no room.
  bool hold(Splice& splice, const Packet& segment, Now now);
  [[nodiscard]] bool can_hold(const Splice& splice) const {
    return splice.held_count < Splice::kHeld && held_ < most_held_ &&
           shares_.may_hold(splice.share);
  }
  /// The host has acknowledged everything before this number.
  void acknowledged(Splice& splice, std::uint32_t before);
  /// Gives up the splice, and the segments it holds: `release(frame)` ends each.
  template <typename Release>
  void end(Splice& splice, Release release) {
    for (std::size_t i = 0; i < splice.held_count; ++i) release(splice.held[i].segment.frame);
    let_go(splice, splice.held_count);
    splice.held_count = 0;
    remove(splice);
  }

  /// The SYN, and the ACK of the host's answer. nullptr when the pool is empty.
  rte_mbuf* make_syn(const Splice& splice);
  /// Of what a host says about an earlier connection.
  rte_mbuf* make_reset(const Packet& challenge);
  /// `window`: the client's, scaled by `scale` where the host's answer offers that too.
  rte_mbuf* make_ack(const Packet& syn_ack, std::uint32_t window, std::uint8_t scale);

  /// Visits those whose repetition is due, some milliseconds late; call once a poll.
  template <typename Visit>
  void tick(Now now, Visit visit) {
    if (used_ == 0 || now.tick == swept_) return;
    swept_ = now.tick;
    for (std::uint32_t n = 0; n < kBudget; ++n) {
      cursor_ = cursor_ + 1 == kMost ? 0 : cursor_ + 1;
      const Tick due = due_[cursor_];
      if (due != 0 && static_cast<std::int32_t>(now.tick - due) >= 0) visit(splices_[cursor_]);
    }
  }

  template <typename Visit>
  void each(Visit visit) {
    for (std::uint32_t i = 0; i < kMost; ++i)
      if (splices_[i].state != Splice::State::idle) visit(splices_[i]);
  }

  [[nodiscard]] std::uint32_t used() const { return used_; }
  [[nodiscard]] Counters& counters() { return counters_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }

  static std::size_t memory_bytes();

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::uint32_t kBudget = 256;  ///< entries that a tick looks at
  /// With fewer in all nobody has taken his share.
  static constexpr std::uint32_t kAsked = std::min(Shares::kOfSource, Shares::kOfHost);
  static constexpr std::uint32_t kHeldAsked = std::min(Shares::kHeldOfSource, Shares::kHeldOfHost);

  /// More than a bare ACK: it has to wait for its host.
  static bool says_something(const Packet& segment) {
    return segment.tcp_flags != tcp::kAck || segment.payload_length() != 0;
  }
  [[nodiscard]] std::uint32_t place(const Splice& s) const {
    return static_cast<std::uint32_t>(&s - &splices_[0]);
  }
  void remove(Splice& splice);
  void let_go(const Splice& splice, std::size_t segments) {
    held_ -= static_cast<std::uint32_t>(segments);
    shares_.let_go(splice.share, segments);
  }
  IpFields ip(const Packet& segment);

  std::uint32_t most_held_;
  Builder builder_;
  Persona persona_;
  bool departs_;  ///< calls wait for drawn instants
  Departures departures_;
  Shares shares_;
  FlowIndex index_;
  FixedArray<Splice> splices_;  ///< idle ones are chained by `hash`
  FixedArray<Tick> due_;        ///< of each; 0: idle
  std::uint32_t free_ = 0;
  std::uint32_t used_ = 0;
  std::uint32_t held_ = 0;
  std::uint32_t cursor_ = 0;
  Tick swept_ = 0;
  Counters counters_;
};

}  // namespace mitibox
