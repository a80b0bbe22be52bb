// SPDX-License-Identifier: BSD-3-Clause
#include "control/command.hpp"

namespace mitibox {

// Each is defined in the file of its subject.
RunCommand run_explain, run_stats, run_status;

namespace {

constexpr Command kCommands[] = {
    {"explain", run_explain},
    {"stats", run_stats},
    {"status", run_status},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace mitibox
