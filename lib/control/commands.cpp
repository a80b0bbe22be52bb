// SPDX-License-Identifier: BSD-3-Clause
#include "control/command.hpp"

namespace mitibox {

// Each is defined in the file of its subject.
RunCommand run_capture, run_connections, run_distrust, run_explain, run_forgive, run_save,
    run_sources, run_stats, run_status, run_top;

namespace {

constexpr Command kCommands[] = {
    {"capture", run_capture},   {"connections", run_connections},
    {"distrust", run_distrust}, {"explain", run_explain},
    {"forgive", run_forgive},   {"save", run_save},
    {"sources", run_sources},   {"stats", run_stats},
    {"status", run_status},     {"top", run_top},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace mitibox
