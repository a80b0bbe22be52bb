// SPDX-License-Identifier: BSD-3-Clause
/// Rule S-ICMP-5: how much ICMP may pass, and be made here, in whose name.
#pragma once

#include <string>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "scrubber/token_buckets.hpp"
#include "trust/source.hpp"

namespace mitibox {

/// Owned by one lcore, which sees all packets of an outside address. What is behind a destination
/// is not known here: what the box answers itself and what hosts do draw from the same buckets.
class IcmpRates {
 public:
  /// Throws std::runtime_error naming the table when memory is short.
  IcmpRates(const Policy& policy, Key128 key, const std::string& name);

  /// Whether an echo request from outside may be answered, by whomever: a rate per source. Asked of
  /// every one, before its coin. A forged source address spends the tokens of who has it.
  bool echo(const Packet& request, Now now);

  /// Both ends of the flow that an error is about.
  struct Ends {
    Address inside, outside;
  };
  /// Whether an error may leave: one that the box forges, or a host's.
  bool error_out(const Ends& ends, Now now);
  /// Whether an error that belongs to a connection may reach its host. Counted by the connection's
  /// ends and who reports: one router may have to tell of its MTU about many peers, and many
  /// routers answer one traceroute. Reporters are easily invented, so all of them together have a
  /// rate too.
  bool error_in(const Ends& ends, const Address& reporter, Now now);

  static std::size_t memory_bytes();

  static constexpr std::uint32_t kCells = 1U << 13U;  ///< of each kind
  static constexpr std::uint32_t kErrorBurst = 4;
  static constexpr std::uint32_t kReporters = 16;  ///< times the rate, of all reporters of a pair

 private:
  [[nodiscard]] std::uint64_t hash_of(const Ends& ends) const;

  Key128 key_;
  SourceMask source_;
  TokenBuckets echoes_;
  TokenBuckets errors_out_;
  TokenBuckets errors_in_;       ///< of one reporter
  TokenBuckets errors_in_pair_;  ///< of all
};

}  // namespace mitibox
