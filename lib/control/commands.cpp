// SPDX-License-Identifier: BSD-3-Clause
#include "control/command.hpp"

namespace mitibox {

// Each is defined in the file of its subject.
RunCommand run_bypass, run_capture, run_connections, run_distrust, run_end_bypass, run_explain,
    run_forgive, run_reload, run_save, run_sources, run_stats, run_status, run_top;

namespace {

constexpr Command kCommands[] = {
    {"bypass", run_bypass},     {"capture", run_capture},       {"connections", run_connections},
    {"distrust", run_distrust}, {"end-bypass", run_end_bypass}, {"explain", run_explain},
    {"forgive", run_forgive},   {"reload", run_reload},         {"save", run_save},
    {"sources", run_sources},   {"stats", run_stats},           {"status", run_status},
    {"top", run_top},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace mitibox
