// SPDX-License-Identifier: BSD-3-Clause
/// Classification: whose a frame is, before any rule looks at it.
#pragma once

#include "packet/address.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "port/neighbours.hpp"

namespace mitibox {

/// Immutable; read by every lcore.
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
/// Discovery or MLD from afar; so does whatever comes from or goes to a gateway.
class Classifier {
 public:
  explicit Classifier(const Policy& policy);

  /// Sets packet.klass, or drops it. `packet` has been through parse_frame.
  void classify(Packet& packet, Neighbours& neighbours) const;

 private:
  void classify_ipv6_neighbour(Packet& packet) const;
  [[nodiscard]] bool hairpin_passes(const Packet& packet, const Neighbours& neighbours) const;

  PrefixSet protected_;
  Policy::Hairpin hairpin_;
};

}  // namespace mitibox
