// SPDX-License-Identifier: BSD-3-Clause
/// How many sources are distrusted how much.
#pragma once

#include <cstdint>
#include <vector>

#include "control/box.hpp"

namespace mitibox {

/// Proven sources by level, from 1 on. Looks at every record of every worker, some 10 us for 1024
/// at a time: seldom. Throws ControlError.
std::vector<std::uint64_t> count_levels(Box& box);

}  // namespace mitibox
