// SPDX-License-Identifier: BSD-3-Clause
/// The network that is defended: which destinations there are, and which of them are services.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "packet/address.hpp"
#include "segment.hpp"

namespace mitibox::arena {

struct AddressHash {
  std::size_t operator()(const Address& a) const {
    return (a.high() * 0x9e3779b97f4a7c15U) ^ (a.low() * 0xc2b2ae3d27d4eb4fU >> 7U);
  }
};

/// What an attacker may ask about. `closed`: a live host's port where nobody listens.
enum class Kind : std::uint8_t { service, closed, dark };

struct Target {
  Address address;
  std::uint16_t port;
  Kind kind;
};

/// Live hosts offer eight of twelve usual ports each, over TCP and UDP; dark addresses have nobody
/// at any of them.
/// About as many targets are services as are not.
struct Network {
  Network(Family family, std::uint64_t seed);

  [[nodiscard]] bool live(const Address& a) const { return hosts.contains(a); }
  [[nodiscard]] bool serves(const Address& a, std::uint16_t port) const;

  Prefix prefix;
  std::unordered_map<Address, Look, AddressHash> hosts;
  std::vector<Target> targets;          ///< by address, then port
  std::vector<const Target*> services;  ///< of these
  std::vector<const Target*> mistakes;  ///< the others
  std::vector<Address> empty;           ///< further dark addresses
  Target known;                         ///< a service that everybody knows; not one of the targets
  std::unordered_map<Address, std::vector<std::uint16_t>, AddressHash> ports;  ///< of services
};

/// Sources: distinct for distinct numbers, of two disjoint parts of the Internet.
Address attacker(Family family, std::uint32_t number);
Address client(Family family, std::uint32_t number);
/// The number-th /64 of one /48: in a row, or each in another /56 than the one before.
enum class Rotation : std::uint8_t { none, row, spread };
Address rotated(Rotation how, std::uint32_t number);

}  // namespace mitibox::arena
