// SPDX-License-Identifier: BSD-3-Clause
/// Whom the operator allows what, and who makes something of it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/time.hpp"
#include "packet/address.hpp"
#include "policy/policy.hpp"
#include "trust/schedule.hpp"

namespace mitibox {

/// Immutable. `never_distrust` and `allow` of one policy.
class Allowlist {
 public:
  explicit Allowlist(const Policy& policy);

  [[nodiscard]] bool empty() const { return named_.empty(); }
  /// Whether any allowance names this source.
  [[nodiscard]] bool names(const Address& source) const { return named_.contains(source); }
  /// Whether it may go wherever it likes.
  [[nodiscard]] bool everywhere(const Address& source) const {
    return everywhere_.contains(source);
  }
  [[nodiscard]] bool allows(const Address& source, const Destination& destination) const {
    return !empty() && names(source) && (everywhere(source) || somewhere(source, destination));
  }

 private:
  struct Rule {
    PrefixSet sources;
    std::vector<Allowance::Target> to;
  };
  [[nodiscard]] bool somewhere(const Address& source, const Destination& destination) const;

  PrefixSet named_;
  PrefixSet everywhere_;
  std::vector<Rule> rules_;  ///< those with destinations
};

/// What an allowed source tried that was illegitimate. Unproven attempts may be forged.
struct AllowedSource {
  Address source;              ///< in full
  std::uint32_t attempts = 0;  ///< 0: an empty place
  std::uint32_t proven = 0;    ///< of these, completed handshakes
  Time first{};
  Time last{};
};

/// The allowed sources that did most. Owned by one lcore. Fixed memory: with more of them the one
/// with the fewest attempts gives way, whose count the new one takes over, so that who did much is
/// never missed, and a count is too high at most by the fewest.
class AllowedTally {
 public:
  static constexpr std::size_t kSources = 64;
  /// From so many attempts on it is worth a word; within Schedule::kRepeat of each other.
  static constexpr std::uint32_t kMany = 20;

  /// Returns how many it has made now when that is to be reported (kMany, and each time it has
  /// doubled), else nothing (0).
  std::uint32_t note(const Address& source, bool proven, Time now);
  /// In no order; empty places included.
  [[nodiscard]] std::span<const AllowedSource> all() const { return sources_; }

 private:
  std::array<AllowedSource, kSources> sources_{};
};

}  // namespace mitibox
