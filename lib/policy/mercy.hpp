// SPDX-License-Identifier: BSD-3-Clause
/// The keys `trust.allow` and `trust.escalate`: whom distrust spares, and where it spreads.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.hpp"
#include "policy/value.hpp"

namespace mitibox {

/// For sections.cpp: as Key::read and Key::list.
void read_allow(const Value& list, Policy& policy);
void list_allow_keys(const std::string& prefix, std::vector<std::string>& keys);
void read_escalate(const Value& object, Policy& policy);
void list_escalate_keys(const std::string& prefix, std::vector<std::string>& keys);

/// Refuses allowances of nobody, to nothing, or to what is not protected. Throws PolicyError.
void check_allow(const Policy& policy, const Value& document);

/// Refuses lengths that are not shorter than the one before, the first than a source. What was not
/// said is completed. Throws PolicyError.
void check_escalate(Policy& policy, const Value& document);

}  // namespace mitibox
