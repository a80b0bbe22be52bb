// SPDX-License-Identifier: BSD-3-Clause
/// Neighbours: the router asks for dark addresses too, or their probes would never arrive. Answers
/// ARP (RFC 826, RFC 5227) and ND (RFC 4861) for listed addresses where nobody lives.
#pragma once

#include <rte_mempool.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "port/facts.hpp"
#include "port/gateways.hpp"
#include "port/host_table.hpp"
#include "port/listed.hpp"
#include "port/neighbour_frames.hpp"

namespace mitibox {

/// Owned by one lcore, which alone writes and reads all state, is_live() and is_gateway() included.
/// Nothing here may be read across lcores but counters(), whose numbers may then be a little old.
///
/// With several lcores each has its own object. One is the speaker: it gets all ARP and ND, and
/// alone answers, probes and announces. The others listen: they make no frame, learn from facts
/// what the speaker found, and tell what their own packets reveal.
///
/// Memory is fixed once constructed: at most 1024 listed addresses, 65536 hosts, 64 learned
/// gateways and 64 gateway MACs. Hosts inside alone can insert hosts; a stranger beyond the router
/// can insert nothing, since neither ARP nor ND is routed.
///
/// Each listed address is unknown, probed, live (MAC, last seen), dark, or outside (seen as a
/// sender there). The box answers for dark ones, on the outside port, and only ordinary requests of
/// gateways: never duplicate-address probes (sender 0) or announcements (sender = target), never
/// for addresses seen outside or in dhcp_ranges. At start, and before a silent address counts as
/// dark, it probes inside (ARP with sender 0, three times, a second apart; ND likewise for IPv6);
/// addresses that fell silent are probed anew before they count as dark. Dark holds for the VLAN
/// that was probed; a request in another one starts over there. Solicitations from link-local
/// addresses outside count as a gateway's: routers ask from those.
///
/// For live ones it answers too, in the host's name and with its MAC, so that the time of an answer
/// tells nothing (policy `answer_live`): the MAC that the host itself gave by ARP or ND. What it
/// sends IP from may be another's (virtual routers, load balancers, routers inside), so a host
/// known by IP alone is first looked for; so is one that other traffic contradicts, or that is
/// asked for and gave no sign under its MAC for kAssured. Answers go on until the first probe was
/// in vain.
class Neighbours {
 public:
  /// Frames made here, at most this many a call; the caller queues them on their port.
  struct Frame {
    rte_mbuf* frame;
    Side to;
  };
  static constexpr std::size_t kMaxFrames = 16;
  struct Output {
    std::array<Frame, kMaxFrames> frames;
    std::size_t count = 0;
  };

  struct Counters {
    std::uint64_t answers = 0;        ///< requests answered, for dark addresses and live ones
    std::uint64_t probes = 0;         ///< probes sent inside
    std::uint64_t announcements = 0;  ///< hosts announced outside after they appeared
    std::uint64_t rewrites = 0;       ///< frames whose destination MAC was the box's, corrected
    std::uint64_t told = 0;           ///< facts told the other lcores
    std::uint64_t learned = 0;        ///< facts they told
  };

  struct Role {
    FactSink* facts = nullptr;  ///< to the other lcores, if there are any
    bool speaks = true;
  };

  /// `own`: MAC that the box answers with. `pool`: for the frames it makes.
  Neighbours(const Policy& policy, const Mac& own, rte_mempool* pool, Role role);
  Neighbours(const Policy& policy, const Mac& own, rte_mempool* pool)
      : Neighbours(policy, own, pool, Role{}) {}
  ~Neighbours() = default;
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;

  /// Judges a packet of class `neighbour` (ARP or ND, from either port): sets its verdict (forward,
  /// consumed or drop) and may make frames. The speaker's; a listener only forwards.
  void process(Packet& packet, Now now, Output& out);

  /// An IP packet came from inside with this source: a host lives. Cheap when nothing is listed;
  /// may make an announcement.
  void seen_inside(const Packet& packet, Now now, Output& out);

  /// Corrects the destination MAC of an inbound frame about to be forwarded, when the router still
  /// has the box's MAC for a host that has appeared. False when nobody lives there: it would reach
  /// nobody.
  bool correct_destination(Packet& packet) {
    return packet.ether().destination != own_ || redirect_from_box(packet);
  }

  /// Whether a host lives at this protected address as far as the box has seen inside (kept for
  /// every protected address seen, bounded; not only for listed ones).
  [[nodiscard]] bool is_live(const Address& address, Now now) const;

  /// A gateway: listed in the policy, or a protected address that sent ARP or ND on the outside.
  [[nodiscard]] bool is_gateway(const Address& address) const {
    return gateways_.contains(address);
  }
  /// A MAC that a gateway has used on the outside port.
  [[nodiscard]] bool is_gateway_mac(const Mac& mac) const;
  /// A frame from outside whose source address is a gateway's: remembers its MAC.
  void learn_gateway_mac(const Mac& mac);

  /// Another lcore knows something. Made into frames, if need be, by the next tick().
  void learn(const Fact& fact, Now now);

  /// Paced probing and ageing; call about every 10 ms or more often.
  void tick(Now now, Output& out);

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  /// A host inside gave a sign of life.
  struct Sighting {
    Address address;
    Mac mac;
    Tags tags;
    bool neighbour = false;  ///< by ARP or ND, which is not routed and weighs more
    Tick seen = 0;
    std::optional<bool> router;  ///< an advertisement's flag
  };
  /// A neighbour solicitation or advertisement whose bounds were checked.
  struct NdView {
    const NdMessage* message = nullptr;
    const Mac* link = nullptr;  ///< its link-layer option, if any
  };

  [[nodiscard]] Listed* listed(const Address& address);
  [[nodiscard]] bool usable(const Mac& mac) const;
  /// That the box answers with: the host's, or its own where nobody lives.
  [[nodiscard]] const Mac& answer_mac(const Listed& l) const {
    return l.state == Listed::State::live ? l.link : own_;
  }

  void process_arp(Packet& packet, Now now, Output& out);
  void arp_outside(Packet& packet, const ArpPacket& arp, Now now, Output& out);
  void arp_inside(Packet& packet, const ArpPacket& arp, Now now, Output& out);
  void process_nd(Packet& packet, Now now, Output& out);
  void nd_outside(Packet& packet, const NdView& nd, Now now, Output& out);
  void nd_inside(Packet& packet, const NdView& nd, Now now, Output& out);

  bool redirect_from_box(Packet& packet);
  /// Whether all options lie within the datagram.
  [[nodiscard]] static bool parse_nd(const Packet& packet, NdView& nd);

  /// A protected address spoke from outside: a gateway.
  void seen_outside(const Packet& packet, const Address& address, const Mac& mac, Now now);
  /// A listed address belongs to somebody outside. False for an echo of what a host inside said.
  bool claimed_outside(const Address& address, const Mac& mac, Now now);
  void redirect(Packet& packet, const Listed& l);
  void host_seen(const Sighting& sighting, Now now, Output& out);
  /// Notes it, unless something weighs more or is newer; nullptr when nobody lives there.
  Host* accept(const Sighting& sighting, Now now);
  /// What a sign of life says of the address it is asked for under.
  static void resolve(Listed& l, const Sighting& sighting);
  void expect_host(const Address& address, Now now);
  /// Whether it is sure enough of a live host to speak for it.
  [[nodiscard]] bool sure_of(const Listed& l, Now now) const;
  [[nodiscard]] bool answers_for(Listed& l, const Tags& tags, Now now, Output& out);
  void answered(Packet& packet, Listed& l, rte_mbuf* answer, Output& out);

  void tell(const Fact& fact);
  void tell_host(Host& host, const Sighting& sighting);
  void learn_host(const Sighting& sighting, Now now);
  void learn_dark(const Address& address, Now now);
  /// Whether that changes anything.
  bool move_outside(const Address& address, Tick seen);
  /// A frame for it came to the box's MAC; whether a host lives there.
  bool note_wanted(Listed& l);
  void repeat(Listed& l, Now now);
  void repeat_gateways(Now now);
  void fade(Listed& l, Now now);

  [[nodiscard]] bool needs_probing(const Listed& l, Now now) const;
  void step(Listed& l, Now now, Output& out);
  void advance(Listed& l, Now now, Output& out);
  void give_up(Listed& l, Now now);
  [[nodiscard]] bool may_start(Now now);
  bool probe(const Listed& l, Now now, Output& out);
  void announce(Listed& l, Now now, Output& out);
  bool emit(rte_mbuf* frame, Side to, Output& out);

  PrefixSet protected_;
  Mac own_;
  rte_mempool* pool_;
  Role role_;
  std::vector<Listed> listed_;
  HostTable hosts_;
  Gateways gateways_;
  bool answer_live_;
  Counters counters_;

  bool started_ = false;
  Tick swept_ = 0;          ///< last tick() that did anything: a clock good to a few ms
  Tick repeated_ = 0;       ///< the gateways, to the other lcores
  Tick next_start_ = 0;     ///< when the next address may be probed
  std::size_t cursor_ = 0;  ///< next listed address that tick() looks at
};

}  // namespace mitibox
