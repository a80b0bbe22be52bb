// SPDX-License-Identifier: BSD-3-Clause
/// What keys say about one another.
#pragma once

#include "policy/policy.hpp"
#include "policy/value.hpp"

namespace mitibox {

inline constexpr unsigned kMaxDarkAddresses = 1024;

/// Refuses contradictions. `policy` as read_policy made it of `document`: its lists in the
/// document's order. Completes `trust.light` (never longer than `trust.distrusted`). Throws
/// PolicyError.
void validate(Policy& policy, const Value& document);

}  // namespace mitibox
