// SPDX-License-Identifier: BSD-3-Clause
#include "control/command.hpp"

namespace mitibox {

// Each is defined in the file of its subject.
RunCommand run_bypass, run_capture, run_connections, run_distrust, run_end_bypass, run_explain,
    run_forget, run_forgive, run_import_scan, run_pin, run_refuse, run_reload, run_save,
    run_services, run_sources, run_stats, run_status, run_top;

namespace {

constexpr Command kCommands[] = {
    {"bypass", run_bypass},     {"capture", run_capture},       {"connections", run_connections},
    {"distrust", run_distrust}, {"end-bypass", run_end_bypass}, {"explain", run_explain},
    {"forget", run_forget},     {"forgive", run_forgive},       {"import-scan", run_import_scan},
    {"pin", run_pin},           {"refuse", run_refuse},         {"reload", run_reload},
    {"save", run_save},         {"services", run_services},     {"sources", run_sources},
    {"stats", run_stats},       {"status", run_status},         {"top", run_top},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace mitibox
