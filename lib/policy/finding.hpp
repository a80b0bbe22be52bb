// SPDX-License-Identifier: BSD-3-Clause
/// How services are found that the policy does not list: `learn` and `import`. Only for this
/// folder.
#pragma once

#include <string>
#include <vector>

#include "policy/value.hpp"

namespace mitibox {

void read_learn(const Value& object, Policy& policy);
void list_learn_keys(const std::string& prefix, std::vector<std::string>& keys);
void read_imports(const Value& list, Policy& policy);
void list_import_keys(const std::string& prefix, std::vector<std::string>& keys);

/// What learning needs, and files that are named twice.
void check_finding(const Policy& policy, const Value& document);

/// What is rarely meant, a line each.
void warn_of_finding(const Policy& policy, std::vector<std::string>& out);

}  // namespace mitibox
