// SPDX-License-Identifier: BSD-3-Clause
/// What the live page is given, as JSON.
#pragma once

#include <string>

#include "control/insight.hpp"

namespace mitibox {

/// Counters as they stand: the page takes differences.
std::string live_json(const Insight& insight);

/// Every reason with its kind, cause and remedy.
std::string reasons_json();

}  // namespace mitibox
