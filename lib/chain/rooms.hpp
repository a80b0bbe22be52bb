// SPDX-License-Identifier: BSD-3-Clause
/// The rooms of a chain, and a burst on its way through them. Only for this folder.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "chain/chain.hpp"
#include "chain/classify.hpp"
#include "chain/orders.hpp"
#include "chain/originals.hpp"
#include "probability/probability.hpp"
#include "reply/delay_line.hpp"
#include "scrubber/icmp_rates.hpp"
#include "scrubber/reassembly.hpp"
#include "scrubber/scrubber.hpp"
#include "shard/handoff.hpp"
#include "shard/owner.hpp"
#include "splice/sack.hpp"
#include "splice/splices.hpp"
#include "splice/split.hpp"
#include "tracker/tracker.hpp"
#include "trust/peers.hpp"

namespace mitibox {

/// A set of places in a burst.
class Places {
 public:
  void add(std::size_t place) { bits_ |= std::uint32_t{1} << place; }
  void add(Places others) { bits_ |= others.bits_; }
  [[nodiscard]] Places without(Places others) const {
    Places left;
    left.bits_ = bits_ & ~others.bits_;
    return left;
  }
  void clear() { bits_ = 0; }
  [[nodiscard]] std::uint32_t size() const {
    return static_cast<std::uint32_t>(std::popcount(bits_));
  }
  [[nodiscard]] bool empty() const { return bits_ == 0; }
  /// The place behind `before` others of the set.
  [[nodiscard]] std::size_t at(std::uint32_t before) const {
    std::uint32_t left = bits_;
    for (; before > 0; --before) left &= left - 1;
    return static_cast<std::size_t>(std::countr_zero(left));
  }
  [[nodiscard]] bool has(std::size_t place) const { return (bits_ >> place & 1U) != 0; }
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

/// The rooms in the order in which a burst passes them.
struct Chain::Rooms : Endings, TrustSink {
  Rooms(const Policy& policy, const Config& config, Wire& wire);

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
  /// `kShared`: what is another worker's is given to it.
  template <bool kShared>
  void receive(const Arrival& arrival);
  void gather(std::size_t place, Now now);
  void watch(Now now);
  void let(std::size_t place);
  [[nodiscard]] bool bypassed(const Packet& p, Now now) const;
  bool judge_watched(std::size_t place, Now now);
  void judge_opening(std::size_t place, Now now);
  void judge_proof(const Packet& p, Now now);
  void leave_untouched(std::size_t place);
  void hand_over(Side from);
  void hand(Packet& p, unsigned to);
  void foresee(Now now);
  void track(Now now);
  void draw(Now now);
  void judge(Now now);
  void divert(Now now);
  void look_closed(Now now);
  void settle_strays(Now now);
  void observe(Now now);
  void note_probes(Now now);
  struct Scales {
    bool watched = false;
    unsigned level = 0;  ///< before
    std::uint64_t unproven = 0, proven = 0;
  };
  Scales before_evidence(const Address& source, Now now);
  void after_evidence(const Packet& p, const Scales& before, Now now);
  /// `take` gives Trust the evidence that this packet is.
  template <typename Take>
  void weigh(const Packet& p, Now now, Take take) {
    if (observer == nullptr || !observer->recorder.on()) [[likely]]
      return take();
    const Scales before = before_evidence(p.source(), now);
    take();
    after_evidence(p, before, now);
  }
  void tell(EventType type, const Packet& p, Now now) {
    if (observer != nullptr && observer->recorder.on()) [[unlikely]]
      tell_packet(type, p, now);
  }
  void ended(std::span<const std::uint64_t> key, const Connection& connection) override;
  void tell(const TrustEvent& event) override;
  /// Of the client of a call.
  void tell(EventType type, const Splice& s, Now now) {
    if (observer != nullptr && observer->recorder.on()) [[unlikely]]
      tell_packet(type, s.head.packet(), now);
  }
  void tell_packet(EventType type, const Packet& p, Now now);
  void emit(Now now);
  void emit_joined(Packet& p, Now now);
  bool to_host(const Packet& p, Transmit::Origin origin);
  void emit_limited(Packet& p, Now now);
  void split_joined(Packet& p);
  void dress(Packet& p) {
    if (!dresses || p.klass < Class::inbound) return;
    if (p.from == Side::inside)
      persona.dress_outward(p, ecn);
    else
      Persona::dress_inward(p, ecn);
  }
  /// Whether its frame may be kept beyond the burst: not a buffer that datagrams are joined in.
  [[nodiscard]] bool holdable(const Packet& p) const {
    return !joined.has(static_cast<std::size_t>(&p - packets.data()));
  }

  [[nodiscard]] Forecast foretell(const Address& source, const Destination& to, Now now) const;
  bool passes(Packet& p, const Trust::Attempt& attempt, Ruleset::Match match, Now now);
  void answer(Packet& p, const Reply::Answer& answer);
  void say(Packet& p, const Reply::Answer& answer, Now now);
  void speak(rte_mbuf* frame, Now now);
  void settle_neighbour(Packet& p, Now now);
  void converse(Packet& p, Now now);

  // Admission by handshake.
  bool prove(Packet& p, const SynOffer& offer, Now now);
  Splice* call(Packet& p, const SynOffer& offer, Now now);
  void call_again(Splice& splice, Now now);
  void covered(Packet& p, Now now);
  void host_answers(Packet& p, Splice& splice, Now now);
  void deliver(Splice& splice, Now now);
  void host_speaks(Packet& p, Splice* splice, Now now);
  void challenged(Packet& p, Splice& splice, Now now);
  void client_speaks(Packet& p, Connection& c, Splice* splice, Now now);
  void take(Packet& p, Splice& splice, Now now);
  void uncover(Packet& p);
  void keep(Packet& p, Splice& splice, Now now);
  void give_up(Splice& splice, Now now);
  void refused(Splice& splice, Now now);
  void mute(Splice& splice, Now now);
  void stand_in(Splice& splice, Now now);
  void host_ended(const Packet& p, Now now);
  void release(Splice& splice, Reason why);
  void repeat(Splice& splice, Now now);

  // Learning.
  [[nodiscard]] bool is_tried(const Address& source, const Destination& to, Now now) const;
  bool try_host(Packet& p, const SynOffer& offer, Now now);
  void trial_answered(Splice& splice);
  void trial_failed(Splice& splice, Counter& outcome, Now now);
  void end_trial(Splice& splice);

  void leave_inside(Packet& p, Now now);
  void flush(const Neighbours::Output& output);

  void obey(Orders& given, Now now) noexcept;
  /// Of a destination for which a handshake is complete: who began before the last orders is not
  /// held to them.
  [[nodiscard]] Ruleset::Match match_of_proof(const Destination& to, Now now) const {
    const Ruleset::Match match = ruleset->match(to);
    if (orders.before == nullptr || now.time >= kinder_until) [[likely]]
      return match;
    return std::max(match, orders.before->match(to));
  }
  /// A connection from outside was let in.
  void count_hit(const Destination& to, Now now) {
    if (const auto row = ruleset->row_of(to)) {
      Hit& hit = orders.hits[*row];
      ++hit.count;
      hit.last = now.time;
    }
  }

  [[nodiscard]] std::span<Packet> burst() { return {packets.data(), count}; }

  Orders orders;
  Time kinder_until{};  ///< orders.before counts until then
  bool keeps = false;   ///< originals: some frames may have to leave as they came
  Originals originals;

  Counters counters;
  Classifier classifier;
  Scrubber scrubber;
  Reassembly reassembly;
  IcmpRates icmp_rates;
  Tracker tracker;
  Probability probability;
  Trust trust;
  Peers peers;
  const Ruleset* ruleset;  ///< of the orders
  Reply reply;
  DelayLine spoken;  ///< what the box says in conversations
  Splices splices;
  Splitter splitter;
  Sacks sacks;
  Neighbours neighbours;
  Transmit transmit;
  Trials trials;
  Findings* findings;
  Key128 trial_draw;
  SourceMask teacher;  ///< of whom a trial is
  Persona persona;     ///< of what hosts send
  bool timing;         ///< normalise.timing
  bool dresses;        ///< normalise.headers
  std::uint8_t ecn;    ///< bits of TOS and traffic class that stay
  const Owner* owner;
  unsigned self;
  std::optional<HandOff::Outbox> outbox;  ///< with several workers
  Chain::Profile* profile = nullptr;
  Observer* observer;

  std::array<Packet, kBurst> packets;
  std::array<Ruleset::Match, kBurst> matches;   ///< of the opening packets from outside
  std::array<Probability::Draw, kBurst> draws;  ///< of what is foreseen
  std::size_t count = 0;
  // Places in the burst that a room has work with; a room without passes at no cost.
  Places joined;     ///< datagrams that their last fragment made whole
  Places untouched;  ///< forwarded as they came
  Places apart;      ///< both of these
  Places handled;    ///< came through the Scrubber
  Places foreseen;   ///< of those, SYNs from outside: most open something
  Places openings;   ///< may open a connection from outside
  Places unlisted;   ///< of those, what asks for no service
  Places diverted;   ///< opening packets for Reply
  Places strays;     ///< neither known nor opening, or to be challenged
};

}  // namespace mitibox
