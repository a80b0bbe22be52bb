// SPDX-License-Identifier: BSD-3-Clause
/// A source: an outside address under its trust prefix.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/siphash.hpp"
#include "base/time.hpp"
#include "packet/address.hpp"
#include "policy/policy.hpp"

namespace mitibox {

/// Both halves of the masked address as they lie in memory; the key of the proven sources.
struct Source {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend constexpr bool operator==(const Source&, const Source&) = default;

  /// The lowest address of the source.
  [[nodiscard]] Address address() const {
    Address a;
    std::memcpy(a.bytes.data(), this, sizeof *this);
    return a;
  }
  [[nodiscard]] bool is_v4() const { return address().is_v4(); }
  friend constexpr Source operator&(const Source& s, const Source& mask) {
    return {s.high & mask.high, s.low & mask.low};
  }
};
static_assert(sizeof(Source) == 16);

/// What sizes the tables of sources and prefixes.
inline constexpr char kSourcesOption[] = "tables.sources";

/// A source, or a prefix of sources, and since when it is distrusted.
struct Distrusted {
  Source source;
  Time start;
  std::uint32_t repeats = 0;  ///< of proven evidence before it was neutral; of a prefix none
};

/// Cuts addresses to sources, for one policy.
class SourceMask {
 public:
  explicit SourceMask(const Policy& policy)
      : SourceMask(policy.trust.ipv4_prefix, policy.trust.ipv6_prefix) {}
  /// Lengths of a source of IPv4 and of IPv6.
  SourceMask(unsigned v4, unsigned v6) : v4_(of(true, v4)), v6_(of(false, v6)) {}

  [[nodiscard]] Source operator()(const Address& address) const {
    return Source{address.high(), address.low()} & (address.is_v4() ? v4_ : v6_);
  }

  /// The mask of one length.
  static Source of(bool v4, unsigned bits) {
    return of(masked(v4 ? Address(be32::from_raw(0xffffffffU)) : kAllOnes, bits));
  }

 private:
  static constexpr Address kAllOnes = [] {
    Address a;
    a.bytes.fill(0xff);
    return a;
  }();
  static Source of(const Address& a) { return {a.high(), a.low()}; }

  Source v4_;
  Source v6_;
};

/// Lengths of what one worker owns, of IPv4 and of IPv6: the widest prefix whose members Trust
/// counts together.
struct Owned {
  explicit Owned(const Policy& policy)
      : ipv4(shortest(policy.trust.escalate.ipv4, policy.trust.ipv4_prefix)),
        ipv6(shortest(policy.trust.escalate.ipv6, policy.trust.ipv6_prefix)) {}

  unsigned ipv4;
  unsigned ipv6;

 private:
  static unsigned shortest(const std::vector<unsigned>& lengths, unsigned source) {
    return lengths.empty() ? source : std::min(source, lengths.back());
  }
};

}  // namespace mitibox
