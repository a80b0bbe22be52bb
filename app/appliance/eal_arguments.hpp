// SPDX-License-Identifier: BSD-3-Clause
/// What EAL is told beyond what the operator wrote.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace mitibox {

/// How many lcores these arguments ask for (-l, -c, --lcores; without them EAL takes every core).
unsigned count_lcores(const std::vector<std::string>& words);

/// Adds `--file-prefix mitibox` unless a prefix was given, and without huge pages `-m` with
/// `megabytes` unless memory was given. Throws std::runtime_error, with what to do, when huge pages
/// are wanted and the machine has too few.
void complete_eal_arguments(std::vector<std::string>& words, std::size_t megabytes);

}  // namespace mitibox
