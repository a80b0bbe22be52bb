// SPDX-License-Identifier: BSD-3-Clause
/// Ruleset: which destinations inside are legitimate (the paper, 3.2).
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "packet/address.hpp"
#include "policy/policy.hpp"

namespace mitibox {

/// Immutable after construction; read by every lcore. Entries are static (the policy's services) or
/// found: learned, or imported from a scan of the operator's.
class Ruleset {
 public:
  enum class Match : std::uint8_t {
    illegitimate,  ///< evidence against whoever tried
    tolerated,     ///< echo to an address that offers a service: answered by the box, no evidence
    legitimate,
    open,  ///< legitimate, and `public`: without coin and Trust
  };

  /// `found`: TCP and UDP destinations, in any order; what the policy lists as well is the
  /// policy's.
  explicit Ruleset(const Policy& policy, std::span<const Destination> found = {});

  struct Ruling {
    Match match;
    bool forwards;  ///< the host is to see a client's SYN itself
  };

  /// Echo is asked for by protocol ICMP or ICMPv6.
  [[nodiscard]] Ruling rule(const Destination& destination) const {
    if (!may_serve(destination.address)) [[likely]]
      return {Match::illegitimate, !handshake_};
    return search(destination);
  }
  [[nodiscard]] Match match(const Destination& destination) const {
    return rule(destination).match;
  }
  [[nodiscard]] bool forwards(const Address& address) const {
    return !handshake_ || (may_serve(address) && search_forward(address));
  }

  /// What makes a destination legitimate: the number of its service in order of address, or
  /// services() + its place among found() when no service lists it.
  [[nodiscard]] std::optional<std::uint32_t> row_of(const Destination& destination) const;
  [[nodiscard]] std::span<const Service> services() const { return services_; }
  [[nodiscard]] std::span<const Destination> found() const { return found_; }
  [[nodiscard]] std::size_t rows() const { return services_.size() + found_.size(); }

  /// Whether any service lists this IP protocol (rule S-IP4-8).
  [[nodiscard]] bool lists_protocol(std::uint8_t protocol) const { return protocols_[protocol]; }

 private:
  static std::size_t slot_of(const Address& a) {
    return static_cast<std::size_t>((a.low() ^ a.high()) * 0x9e3779b97f4a7c15U >> 48U);
  }
  [[nodiscard]] bool may_serve(const Address& address) const {
    const std::size_t slot = slot_of(address);
    return (filter_[slot / 64] >> (slot % 64) & 1U) != 0;
  }
  void mark(const Address& address) {
    const std::size_t slot = slot_of(address);
    filter_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  }
  [[nodiscard]] const Service* search(const Address& address) const;
  [[nodiscard]] const Destination* search_found(const Destination& destination) const;
  [[nodiscard]] bool any_found(const Address& address) const;
  [[nodiscard]] Ruling search(const Destination& destination) const;
  static Match match_of(const Service& service, const Destination& destination);
  [[nodiscard]] bool search_forward(const Address& address) const;

  bool handshake_;  ///< admission

  /// A bit for each slot that the address of any service falls into: nearly all that scanners try
  /// is settled by it.
  std::array<std::uint64_t, 1024> filter_{};
  std::vector<Service> services_;   ///< sorted by address
  std::vector<Destination> found_;  ///< sorted, each once
  std::bitset<256> protocols_;
  bool echo_ = false;  ///< any service lists it
};

}  // namespace mitibox
