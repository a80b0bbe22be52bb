// SPDX-License-Identifier: BSD-3-Clause
/// The keys of a policy: which there are, and how each is read.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.hpp"
#include "policy/value.hpp"

namespace mitibox {

/// Fills in the defaults of the document's profile, then what it says itself; types and ranges are
/// checked, contradictions not yet. Lists keep the document's order. Throws PolicyError.
Policy read_policy(const Value& document);

/// JSON pointers of all keys, "*" for the elements of a list: "/services/*/tcp".
std::vector<std::string> policy_keys();

}  // namespace mitibox
