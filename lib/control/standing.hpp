// SPDX-License-Identifier: BSD-3-Clause
/// Sources and their levels in words.
#pragma once

#include "policy/policy.hpp"
#include "trust/trust.hpp"

namespace mitibox {

inline const char* name_of(const TrustLevel& level) {
  if (level.number == 0) return "untrusted";
  return level.number == 1 ? "distrusted" : "partially distrusted";
}

/// What the address is judged with.
inline Prefix source_prefix(const Address& address, const Policy& policy) {
  const unsigned bits = address.is_v4() ? policy.trust.ipv4_prefix : policy.trust.ipv6_prefix;
  return {masked(address, bits), bits};
}

}  // namespace mitibox
