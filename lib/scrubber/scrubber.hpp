// SPDX-License-Identifier: BSD-3-Clause
/// Scrubber: drops what does not comply with the protocols and smooths the rest (the paper, 3.2).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "scrubber/fragments.hpp"

namespace mitibox {

/// Owned by one lcore. Rule names are those of docs/normalisation.md.
class Scrubber {
 public:
  Scrubber(const Policy& policy, const Secrets& secrets, std::uint32_t fragments);

  /// Judges a packet of class inbound or outbound that has been through parse_frame: drops it, or
  /// lets a later fragment follow its first, or leaves it pending with every field of Packet up to
  /// the transport layer set; cut to its IP length. May rewrite header bits.
  void scrub(Packet& packet) const;

  /// A first fragment was forwarded in the end.
  void forwarded_first(const Packet& first, Now now) { fragments_.remember(first, now); }
  /// Forwards or drops a packet whose verdict is `follow`. In order of arrival with
  /// forwarded_first(): the pieces of a datagram mostly come in one burst.
  void settle_later(Packet& later, Now now) const;

 private:
  using Result = std::optional<Reason>;
  Result scrub_ipv4(Packet& p) const;
  Result scrub_ipv6(Packet& p) const;
  Result scrub_tcp(Packet& p) const;
  Result scrub_udp(Packet& p) const;
  Result scrub_icmp(Packet& p) const;

  Policy::Ecn ecn_;
  std::vector<be32> broadcasts_;  ///< of the protected IPv4 prefixes
  Fragments fragments_;
};

}  // namespace mitibox
