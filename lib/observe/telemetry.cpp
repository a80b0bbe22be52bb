// SPDX-License-Identifier: BSD-3-Clause
#include "observe/telemetry.hpp"

#include <cmath>
#include <mutex>
#include <string>
#include <string_view>

namespace mitibox {

namespace {

// rte_telemetry's callbacks take no argument of ours, and run in threads of its own.
std::mutex guard;
const TelemetrySource* source_of_all = nullptr;

/// Tenths of a percent and milliseconds, as telemetry knows integers only.
constexpr double kPerMille = 1000;

std::uint64_t to_ms(Time t) {
  return static_cast<std::uint64_t>(t.count()) / 1'000'000U;
}

int answer_group(const char* command, const char* /*parameters*/, rte_tel_data* data) {
  const std::string_view name = std::string_view(command).substr(sizeof("/mitibox/") - 1);
  rte_tel_data_start_dict(data);
  const std::lock_guard lock(guard);
  if (source_of_all == nullptr) return 0;
  for (const auto& group : source_of_all->snapshot().groups) {
    if (group.name != name) continue;
    for (const auto& e : group.entries) rte_tel_data_add_dict_u64(data, e.name.c_str(), e.value);
  }
  return 0;
}

int answer_source(const char* /*command*/, const char* parameters, rte_tel_data* data) {
  rte_tel_data_start_dict(data);
  const auto address = parse_address(parameters == nullptr ? "" : parameters);
  if (!address) {
    rte_tel_data_add_dict_string(data, "error", "expected an IPv4 or IPv6 address");
    return 0;
  }
  const std::lock_guard lock(guard);
  const auto answer = source_of_all == nullptr ? std::nullopt : source_of_all->source(*address);
  if (!answer) {
    rte_tel_data_add_dict_string(data, "error", "the owner of this source does not answer");
    return 0;
  }
  const TrustLevel& level = answer->level;
  rte_tel_data_add_dict_string(data, "address", to_string(*address).c_str());
  rte_tel_data_add_dict_u64(data, "level", level.number);
  rte_tel_data_add_dict_u64(data, "divert_per_mille",
                            static_cast<std::uint64_t>(std::llround(level.divert * kPerMille)));
  rte_tel_data_add_dict_u64(data, "proven", level.proven ? 1 : 0);
  rte_tel_data_add_dict_u64(data, "now_ms", to_ms(answer->now));
  rte_tel_data_add_dict_u64(data, "since_ms", to_ms(level.since));
  rte_tel_data_add_dict_u64(data, "until_ms", to_ms(level.until));
  return 0;
}

}  // namespace

void register_telemetry(const TelemetrySource& source, decltype(&rte_telemetry_register_cmd) add) {
  {
    const std::lock_guard lock(guard);
    source_of_all = &source;
  }
  static constexpr std::pair<const char*, const char*> kGroups[] = {
      {"/mitibox/counters", "Frames received, forwarded, refused, made, by port and class"},
      {"/mitibox/reasons", "Frames that ended in the box, by reason"},
      {"/mitibox/ports", "The ports' own statistics"},
      {"/mitibox/trust", "Evidence, and attempts judged by trust level"},
      {"/mitibox/reply", "Forged packets and conversations"},
      {"/mitibox/neighbours", "Address resolution"},
      {"/mitibox/tables", "Occupancy, evictions, expiry"},
      {"/mitibox/events", "Events told, suppressed, lost and written"},
      {"/mitibox/load", "Polls of all workers, and how long busy ones took"},
      {"/mitibox/monitor", "Frames of bypassed sources, and what would have been in monitor mode"}};
  for (const auto& [command, help] : kGroups) add(command, answer_group, help);
  add("/mitibox/source", answer_source, "Trust level of a source. Parameter: its address");
}

void detach_telemetry() {
  const std::lock_guard lock(guard);
  source_of_all = nullptr;
}

}  // namespace mitibox
