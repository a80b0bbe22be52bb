// SPDX-License-Identifier: BSD-3-Clause
#include "chain/owned.hpp"

#include "packet/cursor.hpp"

namespace mitibox {

namespace {

bool is_error(const IcmpHeader& icmp, Family family) {
  if (family == Family::v6) return icmp.type < icmp6::kEcho;
  return icmp.type == icmp4::kUnreachable || icmp.type == icmp4::kTimeExceeded ||
         icmp.type == icmp4::kParameterProblem;
}

}  // namespace

Address flow_address(const Packet& p) {
  if (p.is_icmp()) {
    Cursor at(p.data() + p.l4, static_cast<std::size_t>(p.end - p.l4));
    const auto* icmp = at.take<IcmpHeader>();
    // An error from outside is about what went out, one from inside about what came in. What quotes
    // too little to tell is dropped wherever it goes.
    if (icmp != nullptr && is_error(*icmp, p.family)) {
      const bool inbound = p.from == Side::outside;
      if (p.family == Family::v4) {
        if (const auto* ip = at.peek<Ipv4Header>())
          return Address(inbound ? ip->destination : ip->source);
      } else if (const auto* ip = at.peek<Ipv6Header>()) {
        return Address(inbound ? ip->destination : ip->source);
      }
    }
  }
  return p.outside_address();
}

}  // namespace mitibox
