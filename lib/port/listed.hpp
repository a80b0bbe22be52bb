// SPDX-License-Identifier: BSD-3-Clause
/// The addresses that the box answers for while nobody lives there (policy `answer_dark`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "packet/address.hpp"
#include "policy/policy.hpp"
#include "port/neighbour_frames.hpp"

namespace mitibox {

struct Listed {
  enum class State : std::uint8_t {
    unknown,  ///< not known yet: requests go on to the LAN
    live,     ///< a host inside has it
    dark,     ///< nobody answered: the box does
    outside,  ///< seen as a sender outside: never answered
  };

  Address address;
  State state = State::unknown;
  bool probing = false;
  std::uint8_t probes = 0;  ///< sent in this round
  bool wanted = false;      ///< asked for since it was probed last
  bool cached = false;      ///< live, but the router may have the box's MAC for it, or an old one
  bool announced = false;   ///< since it lives under this MAC
  bool resolved = false;    ///< live, and `link` holds
  bool described = false;   ///< live, and `router` holds
  bool doubted = false;     ///< live and resolved: to be looked for all the same
  bool router = false;      ///< IPv6: it says so in advertisements
  Mac mac;                  ///< that the host last used, while live
  Mac link;                 ///< that it is asked for under: by ARP or ND, never by other traffic
  Tags tags;                ///< VLAN to probe in: the host's, or that of the last request
  Tick seen = 0;            ///< live: inside; outside: there
  Tick confirmed = 0;       ///< resolved: the last sign of life under `link`
  Tick lives = 0;           ///< live: since then
  Tick due = 0;             ///< while probing: the next probe, or the end of the wait for answers
  Tick probed = 0;          ///< end of the last round; live: start of it
  Tick announcement = 0;    ///< the last one
  Tick told = 0;            ///< speaker: state repeated; listener: said to be wanted

  /// Live: nothing is left to ask it.
  [[nodiscard]] bool settled() const { return resolved && described && !doubted; }
};

inline constexpr std::size_t kMaxListed = 1024;

/// In order of address, without DHCP ranges, gateways, and addresses that no host can have: network
/// and broadcast addresses of protected prefixes, subnet-router anycast. Throws
/// std::invalid_argument when there are more than kMaxListed.
std::vector<Listed> list_addresses(const Policy& policy);

/// Index in such a list, -1: not in it.
std::int16_t find_listed(const std::vector<Listed>& list, const Address& address);

}  // namespace mitibox
