// SPDX-License-Identifier: BSD-3-Clause
/// A source: an outside address under its trust prefix.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/siphash.hpp"
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
};
static_assert(sizeof(Source) == 16);

/// Cuts addresses to sources, for one policy.
class SourceMask {
 public:
  explicit SourceMask(const Policy& policy)
      : v4_(of(masked(Address(be32::from_raw(0xffffffffU)), policy.trust.ipv4_prefix))),
        v6_(of(masked(kAllOnes, policy.trust.ipv6_prefix))) {}

  [[nodiscard]] Source operator()(const Address& address) const {
    const Source& mask = address.is_v4() ? v4_ : v6_;
    return {address.high() & mask.high, address.low() & mask.low};
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

}  // namespace mitibox
