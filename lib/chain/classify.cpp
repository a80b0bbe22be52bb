// SPDX-License-Identifier: BSD-3-Clause
#include "chain/classify.hpp"

#include <array>
#include <optional>

#include "packet/cursor.hpp"

namespace mitibox {

namespace {

bool is_link_local_v6(const std::array<std::uint8_t, 16>& a) {
  return a[0] == 0xfe && (a[1] & 0xc0U) == 0x80;
}

/// The first bytes behind the IPv6 header, when they are ICMPv6 and whole.
const IcmpHeader* icmp6_of(const Packet& p) {
  if (p.family != Family::v6 || p.protocol != protocol::kIcmpv6) return nullptr;
  return Cursor(p.data() + p.l4, static_cast<std::size_t>(p.end - p.l4)).peek<IcmpHeader>();
}

bool is_nd(const IcmpHeader& icmp) {
  return icmp.type >= icmp6::kRouterSolicitation && icmp.type <= icmp6::kRedirect;
}

bool is_mld(const IcmpHeader& icmp) {
  return (icmp.type >= icmp6::kMldQuery && icmp.type <= icmp6::kMldDone) ||
         icmp.type == icmp6::kMld2Report;
}

/// Between neighbours extension headers pass, but hide no message that hosts trust: Neighbour
/// Discovery has none (rule S-ICMP6-1, RFC 6980, RFC 7113), MLD comes from a neighbour (S-ICMP6-2).
std::optional<Reason> judge_between_neighbours(const Packet& p) {
  constexpr int kMaxHeaders = 8;
  Cursor at(p.data() + p.l4, static_cast<std::size_t>(p.end - p.l4));
  std::uint8_t next = p.protocol;
  for (int i = 0; i <= kMaxHeaders; ++i) {
    if (next == protocol::kIcmpv6) {
      const auto* icmp = at.peek<IcmpHeader>();
      if (icmp == nullptr) return std::nullopt;
      const auto& from = p.ipv6().source;
      const bool near = p.ipv6().hop_limit == 1 &&
                        (is_link_local_v6(from) || from == std::array<std::uint8_t, 16>{});
      if (is_nd(*icmp) || (is_mld(*icmp) && !near)) return Reason::nd_invalid;
      return std::nullopt;
    }
    const bool options = next == protocol::kHopByHop || next == protocol::kDestinationOptions ||
                         next == protocol::kIpv6Routing;
    if (!options && next != protocol::kIpv6Fragment) return std::nullopt;
    const auto* header = at.peek<Ipv6FragmentHeader>();
    if (header == nullptr) return Reason::ip6_extension;
    // Later fragments show nothing, and without their first they come to nothing.
    if (!options && (header->offset_more.host() & 0xfff8U) != 0) return std::nullopt;
    next = header->next_header;
    // The second byte of the others is their length, in units of 8 bytes behind the first 8.
    if (!at.skip(options ? (header->reserved + 1U) * 8U : sizeof *header))
      return Reason::ip6_extension;
  }
  return Reason::ip6_extension;
}

}  // namespace

Classifier::Classifier(const Policy& policy)
    : protected_(policy.protected_prefixes), hairpin_(policy.hairpin) {}

bool Classifier::hairpin_passes(const Packet& p, const Neighbours& neighbours) const {
  if (hairpin_ == Policy::Hairpin::drop) return false;
  const EtherHeader& ether = p.ether();
  return neighbours.is_gateway_mac(p.from == Side::outside ? ether.source : ether.destination);
}

bool Classifier::is_icmp_error(const Packet& p) {
  if (!p.is_icmp()) return false;
  const auto* icmp =
      Cursor(p.data() + p.l4, static_cast<std::size_t>(p.end - p.l4)).peek<IcmpHeader>();
  if (icmp == nullptr) return false;
  if (p.family == Family::v6) return icmp->type < icmp6::kEcho;
  return icmp->type == icmp4::kUnreachable || icmp->type == icmp4::kTimeExceeded ||
         icmp->type == icmp4::kParameterProblem;
}

void Classifier::classify_ipv6_neighbour(Packet& p) const {
  // RFC 4861 section 7.1: a hop limit of 255 proves that it started on this link.
  const IcmpHeader& icmp = *icmp6_of(p);
  if (p.ipv6().hop_limit != 255 || icmp.code != 0) return p.drop(Reason::nd_invalid);
  const bool resolves =
      icmp.type == icmp6::kNeighbourSolicitation || icmp.type == icmp6::kNeighbourAdvertisement;
  p.klass = resolves ? Class::neighbour : Class::pass;
}

bool Classifier::classify_by_kind(Packet& p) const {
  if (p.family == Family::none) {
    if (p.ether_type == ethertype::kArp) p.klass = Class::neighbour;
    return true;
  }
  if (const IcmpHeader* icmp = icmp6_of(p); icmp != nullptr && is_nd(*icmp)) {
    classify_ipv6_neighbour(p);
    return true;
  }
  // Routers never forward link-local packets (RFC 4291 2.5.6): those are between neighbours.
  const Ipv6Header& ip = p.ipv6();
  if (!is_link_local_v6(ip.source) && !is_link_local_v6(ip.destination) &&
      ip.destination[0] != 0xff)
    return false;
  if (const auto why = judge_between_neighbours(p)) p.drop(*why);
  return true;
}

}  // namespace mitibox
