// SPDX-License-Identifier: BSD-3-Clause
// status: what runs, on what, under which policy, how full, and what is amiss.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "control/arguments.hpp"
#include "control/discovery.hpp"

namespace mitibox {

RunCommand run_status;

namespace {

Json port_row(const char* side, const BoxStatus::Port& port) {
  const char* link = port.up ? "up" : "down";
  return {{"port", side},
          {"device", port.device},
          {"mac", port.mac},
          {"link", port.up && port.mbps != 0 ? fmt::format("{} {} Mb/s", link, port.mbps) : link}};
}

Json table_row(const char* name, std::uint64_t used, std::uint64_t size) {
  const double share =
      size == 0 ? 0 : 100.0 * static_cast<double>(used) / static_cast<double>(size);
  return {{"table", name}, {"used", used}, {"size", size}, {"full", fmt::format("{:.1f}%", share)}};
}

Json tables(const Policy& policy, const Snapshot& s) {
  const auto& t = policy.tables;
  return Json::array(
      {table_row("connections IPv4", s.get("tables", "ipv4_connections"), t.connections),
       table_row("connections IPv6", s.get("tables", "ipv6_connections"), t.of_ipv6()),
       table_row("proven sources", s.get("trust", "proven_sources"), t.sources),
       table_row("conversations", s.get("reply", "conversations"), t.conversations)});
}

Json learning(Box& box) {
  const auto until = box.discovery().learning_until();
  return until ? Json(fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(*until))) : Json();
}

}  // namespace

Json run_status(Box& box, const Json& given, const Emit& /*emit*/) {
  const Arguments none(given, {});
  const BoxStatus s = box.status();
  const auto policy = box.policy();
  const char* profile = policy->profile == Policy::Profile::paper ? "paper" : "standard";
  const char* admission = policy->admission == Policy::Admission::forward ? "forward" : "handshake";
  return {{"version", s.version},
          {"uptime_s", s.uptime.count()},
          {"policy", s.policy_file},
          {"mode", policy->mode == Policy::Mode::monitor ? "monitor" : "on"},
          {"profile", profile},
          {"admission", admission},
          {"learning_until", learning(box)},
          {"workers", box.workers()},
          {"lcores", s.lcores},
          {"ports", Json::array({port_row("outside", s.ports[index(Side::outside)]),
                                 port_row("inside", s.ports[index(Side::inside)])})},
          {"tables", tables(*policy, box.snapshot())},
          {"warnings", s.warnings}};
}

}  // namespace mitibox
