// SPDX-License-Identifier: BSD-3-Clause
/// Classification: whose a frame is, before any rule looks at it.
#pragma once

#include "packet/address.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "port/neighbours.hpp"

namespace mitibox {

/// Owned by one lcore.
///
/// | port    | source in P | destination in P | class |
/// | outside | no          | yes              | inbound |
/// | inside  | yes         | no               | outbound |
/// | either  | no          | no               | pass |
/// | outside | yes         | either           | hairpin: pass from a gateway's MAC, or dropped |
/// | inside  | either      | yes              | hairpin: pass to a gateway's MAC, or dropped |
///
/// Before the table: ARP and neighbour discovery are `neighbour`; other non-IP frames, multicast,
/// the limited broadcast (DHCP among it) and IPv6 link-local pass, unless they hide Neighbour
/// Discovery or MLD from afar; so does whatever comes from or goes to a gateway, but for its ICMP
/// errors, which are `inbound` and exempt.
class Classifier {
 public:
  explicit Classifier(const Policy& policy);
  void set_hairpin(Policy::Hairpin hairpin) { hairpin_ = hairpin; }

  [[nodiscard]] bool protects(const Address& address) const { return protected_.contains(address); }

  /// Sets packet.klass, or drops it. `packet` is new and has been through parse_frame.
  void classify(Packet& packet, Neighbours& neighbours) const;

 private:
  /// All that is not plain IPv4: ARP, Neighbour Discovery, what passes between neighbours.
  /// False when the table decides.
  bool classify_by_kind(Packet& packet) const;
  void classify_by_table(Packet& p, Neighbours& neighbours, bool from_protected,
                         bool to_protected) const;
  void classify_ipv6_neighbour(Packet& packet) const;
  [[nodiscard]] static bool is_icmp_error(const Packet& packet);
  [[nodiscard]] bool hairpin_passes(const Packet& packet, const Neighbours& neighbours) const;

  PrefixSet protected_;
  Policy::Hairpin hairpin_;
};

inline void Classifier::classify(Packet& p, Neighbours& neighbours) const {
  if (p.family == Family::v4) [[likely]] {
    const Ipv4Header& ip = p.ipv4();
    const std::uint32_t to = ip.destination.host();
    if (to >> 28U == 0xe || to == 0xffffffffU) return;  // groups pass
    classify_by_table(p, neighbours, protected_.contains_v4(ip.source),
                      protected_.contains_v4(ip.destination));
  } else if (!classify_by_kind(p)) {
    const Ipv6Header& ip = p.ipv6();
    classify_by_table(p, neighbours, protected_.contains_v6(ip.source),
                      protected_.contains_v6(ip.destination));
  }
}

inline void Classifier::classify_by_table(Packet& p, Neighbours& neighbours, bool from_protected,
                                          bool to_protected) const {
  if (!from_protected && !to_protected) return;
  if (to_protected && neighbours.is_gateway(p.destination())) [[unlikely]]
    return;
  if (from_protected && neighbours.is_gateway(p.source())) [[unlikely]] {
    if (p.from == Side::outside) neighbours.learn_gateway_mac(p.ether().source);
    // What it quotes is in the terms of the outside.
    if (p.from == Side::outside && to_protected && is_icmp_error(p)) {
      p.klass = Class::inbound;
      p.exempt = true;
    }
    return;
  }
  if (p.from == Side::outside && !from_protected) {
    p.klass = Class::inbound;
  } else if (p.from == Side::inside && !to_protected) {
    p.klass = Class::outbound;
  } else if (!hairpin_passes(p, neighbours)) {
    p.drop(Reason::hairpin);
  }
}

}  // namespace mitibox
