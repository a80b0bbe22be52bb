// SPDX-License-Identifier: BSD-3-Clause
/// Tracker: which packets belong to a connection, and what is to happen to them (the paper, 3.2).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "packet/offer.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "scrubber/icmp_rates.hpp"
#include "splice/translation.hpp"
#include "tracker/connection_table.hpp"
#include "tracker/survivors.hpp"
#include "tracker/timeouts.hpp"

namespace mitibox {

/// Owned by one lcore. Every entry is a connection that was accepted, or that was opened from
/// inside: its packets are forwarded as long as they fit it, whatever becomes of its source.
class Tracker {
 public:
  struct Config {
    std::string name;
    Key128 secret;
    Key128 isn;  ///< for RFC 6528
    std::uint32_t capacity_v4 = 0;
    std::uint32_t capacity_v6 = 0;
    const Mapping::Place* place = nullptr;  ///< where connections outlive the process, if anywhere
    IcmpRates* rates = nullptr;             ///< must outlive the Tracker; nullptr: no limit
    Time started{};                         ///< of the process; grace begins
  };

  Tracker(const Policy& policy, const Config& config);

  /// From now on these hold, for connections that are there too. `untouched`: new connections get
  /// no numbers of the box's.
  void set(const Timeouts& timeouts, bool untouched) {
    timeouts_ = timeouts;
    untouched_ = untouched;
  }

  /// Writes key, hash and connection of every packet of the burst that is handled and pending.
  void lookup(std::span<Packet> burst);

  /// Judges a packet that lookup() has seen, in order of arrival. Sets `standing`, and the verdict
  /// of everything that belongs to a connection (a SYN that needs a challenge ACK: divert with
  /// standing known). Openings and strays stay pending.
  void track(Packet& p, Now now) {
    // Most of a scan: nothing is known of it, and nothing has been inserted since lookup().
    if (p.connection < 0 && p.protocol == protocol::kTcp && looked_up_ == epochs()) {
      p.standing = tcp_event(p.tcp_flags) == TcpEvent::syn ? Standing::opening : Standing::stray;
      return;
    }
    track_known(p, now);
  }

  /// Opens (or opens anew) the connection of an accepted opening packet. Sets the verdict.
  void open(Packet& packet, Now now);

  /// A stray: judges it anew if the burst has opened or closed connections since.
  void reconsider(Packet& packet, Now now);
  /// A stray in the grace period after start: picks its connection up in the middle, if it may.
  /// Leaves it pending otherwise. `host_lives`: whether the inside address is known to live.
  void pick_up(Packet& packet, bool host_lives, Now now);

  /// Opens a connection to the host of this segment, which completed a handshake with the box, and
  /// covers it: its segments get standing `covered` until uncover(). `offer`: the client's SYN.
  /// False when there is no room.
  bool call(Packet& ack, const SynOffer& offer, Now now);
  /// The record of a packet whose standing is `covered`; nullptr when it is gone, or no longer so.
  Connection* covered(Packet& packet);
  /// Judges a segment of a covered connection as track() would if it were not.
  void pass(Packet& packet, Now now) { track_segment(packet, now); }
  /// Translates what pass() has kept back, for its host all the same.
  void push(Packet& packet) { translate(packet, record(packet)); }
  /// What the box has told a client, and tells its host of it.
  struct Promise {
    std::uint32_t isn;     ///< of the host, as the client was told
    std::uint32_t window;  ///< the client's, as the box's ACK tells the host, scaled
    bool sack;             ///< the client was promised SACK
  };
  /// The host's SYN/ACK, which pass() has let through, answers the call.
  void answered(const Packet& syn_ack, const Promise& promise, Now now);
  /// Looks a flow up by `key` and `hash`; whether there is an entry.
  bool find(Packet& packet) {
    packet.connection = table(packet).find(packet.key.words.data(), packet.hash);
    return packet.connection >= 0;
  }
  /// What the inside host has acknowledged.
  [[nodiscard]] std::uint32_t acknowledged_inside(const Packet& packet) {
    return record(packet).ends[index(Side::inside)].acked;
  }
  /// TcpEnd::mss of the inside host.
  [[nodiscard]] std::uint16_t host_mss(const Packet& packet) {
    return record(packet).ends[index(Side::inside)].mss;
  }
  [[nodiscard]] std::uint8_t client_scale(const Packet& packet) {
    return record(packet).client_scale;
  }
  void uncover(const Packet& packet) { record(packet).covered = false; }
  void forget(const Packet& packet) { table(packet).erase(packet.connection); }
  /// Of an entry that lookup() or find() has found.
  [[nodiscard]] const Connection& of(const Packet& packet) const {
    return table(packet.family)[packet.connection];
  }
  /// Whether there is an entry that this SYN has opened.
  [[nodiscard]] bool knows(const Packet& syn) const {
    const ConnectionTable& t = table(syn.family);
    const std::int32_t at = t.find(syn.key.words.data(), t.hash(syn.key.words.data()));
    return at >= 0 && t[at].opener_isn == syn.sequence;
  }

  /// Sequence numbers for a challenge ACK in the name of the inside host of this connection, and
  /// whether the connection's rate (one in 500 ms, RFC 5961 section 7) allows one now.
  struct Challenge {
    bool allowed;
    std::uint32_t sequence, acknowledgement;
    std::uint16_t window;
  };
  Challenge challenge(const Packet& syn, Now now);

  /// Whether the connection's ends are due to be noted as active (once in 30 s); then they are not
  /// due any more.
  bool note_active(const Packet& packet, Now now) {
    if (packet.connection < 0) return true;
    Connection& c = record(packet);
    const auto slot = static_cast<std::uint16_t>(now.tick >> 8U);
    if (static_cast<std::uint16_t>(slot - c.noted) < kNoteEvery >> 8U) [[likely]]
      return false;
    c.noted = slot;
    return true;
  }

  void sweep(Now now);

  /// Tells `endings` of every connection that ends; nullptr: nobody.
  void watch(Endings* endings) {
    v4_.watch(endings);
    v6_.watch(endings);
  }

  /// Takes over what an earlier process left, as far as this lcore owns it; call before any packet.
  /// Those that settled come first when there is no room for all.
  Restored restore(const Survivors& survivors,
                   const std::function<bool(const Address& outside)>& owns, Now now);

  [[nodiscard]] bool in_grace(Now now) const { return now.time < grace_end_; }
  [[nodiscard]] const ConnectionTable& table(Family family) const {
    return family == Family::v4 ? v4_ : v6_;
  }

  static std::size_t memory_bytes(std::uint32_t capacity_v4, std::uint32_t capacity_v6);

  static constexpr std::uint32_t kNoteEvery = 30'000;  ///< ms

 private:
  ConnectionTable& table(const Packet& p) { return p.family == Family::v4 ? v4_ : v6_; }
  Connection& record(const Packet& p) { return table(p)[p.connection]; }
  [[nodiscard]] std::uint64_t epochs() const { return v4_.epoch() + v6_.epoch(); }
  void refresh(Packet& p) {
    // An insertion or removal since lookup() may have moved what this packet found.
    if (looked_up_ != epochs()) p.connection = table(p).find(p.key.words.data(), p.hash);
  }
  void track_known(Packet& p, Now now);
  void track_tcp(Packet& p, Now now);
  void track_segment(Packet& p, Now now);
  void translate(Packet& p, const Connection& c) {
    if (!c.shifted) [[likely]]
      return;
    if (p.from == Side::outside) return write_for_host(p, c);
    write_for_outside(p, c);
    if (c.ends[index(Side::inside)].lacks_sack) [[unlikely]]
      p.limited = Limited::yes;
  }
  static void limit(Packet& p, const Connection& c);
  /// A new connection's record, whoever opened it.
  Connection& blank(Packet& p, Now now);
  void draw_isn(Packet& p, Connection& c, Now now) const;
  static void pose(const Packet& syn, Connection& c);
  static void settle_pose(const Packet& peer, Connection& c);
  void take_offer(const SynOffer& offer, Connection& c) const;
  bool lay_syn(Packet& p, Connection& c) const;
  /// What is to be forwarded and may be a SYN.
  void translate_syn(Packet& p, Connection& c) {
    if (c.posed && !lay_syn(p, c)) return p.drop(Reason::reply_pool);
    translate(p, c);
  }
  void track_syn(Packet& p, Now now);
  bool answers_syn(const Packet& p);
  void track_other(Packet& p, Now now);
  void track_error(Packet& p, Now now);
  void relate(Packet& p, Now now);
  void narrow(const Packet& error, std::uint32_t mtu);
  bool quote_fits(const Packet& error, const Packet& quoted) const;
  bool within_rate(const Packet& error, const Packet& quoted, Now now);
  void restart(Packet& p, Now now);
  void start(Packet& p, Now now);
  struct Survivor {
    Family family;
    std::span<const std::uint64_t> key;
  };
  void restore(const Survivor& survivor, const Connection& c, Now now, Restored& done);
  void pick_up_segment(Packet& p, Now now);
  [[nodiscard]] std::uint32_t timeout(const Connection& c) const;
  void enter(Packet& p, TcpState state, Now now);

  Timeouts timeouts_;
  bool untouched_ = false;
  bool udp_silent_;
  bool splits_;  ///< segments for hosts with a smaller MSS than clients were promised
  bool sacks_;   ///< for hosts without SACK
  bool poses_;   ///< in the SYNs of hosts that open connections, as the persona
  IcmpRates* rates_;
  std::optional<Key128> isn_;  ///< of hosts that open connections, if they are drawn anew
  Time grace_end_;
  ConnectionTable v4_;
  ConnectionTable v6_;
  std::uint64_t looked_up_ = 0;  ///< sum of the tables' epochs when lookup() ran
};

}  // namespace mitibox
