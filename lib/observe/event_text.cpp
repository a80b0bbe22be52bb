// SPDX-License-Identifier: BSD-3-Clause
#include "observe/event_text.hpp"

#include <fmt/format.h>

#include <ctime>
#include <iterator>

#include "packet/address.hpp"

namespace mitibox {

namespace {

std::string protocol_name(std::uint8_t number) {
  switch (number) {
    case protocol::kTcp:
      return "TCP";
    case protocol::kUdp:
      return "UDP";
    case protocol::kIcmp:
      return "ICMP";
    case protocol::kIcmpv6:
      return "IPv6-ICMP";
    default:
      return std::to_string(number);
  }
}

}  // namespace

std::string to_iso(WallTime when) {
  using namespace std::chrono;
  const auto us = duration_cast<microseconds>(when.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(us / 1'000'000);
  std::tm local{};
  localtime_r(&seconds, &local);
  const long offset = local.tm_gmtoff / 60;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}{}{:02}:{:02}", local.tm_year + 1900,
                     local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                     us % 1'000'000, offset < 0 ? '-' : '+', std::abs(offset) / 60,
                     std::abs(offset) % 60);
}

nlohmann::ordered_json event_head(EventType type, WallTime when) {
  return {{"timestamp", to_iso(when)}, {"event_type", kEvents[index(type)].name}};
}

nlohmann::ordered_json to_json(const Event& e, WallTime when) {
  nlohmann::ordered_json out = event_head(e.type, when);
  if ((e.has & Event::kAddresses) != 0) {
    const bool ports = e.protocol == protocol::kTcp || e.protocol == protocol::kUdp;
    out["src_ip"] = to_string(e.source);
    if (ports) out["src_port"] = e.source_port;
    out["dest_ip"] = to_string(e.destination);
    if (ports) out["dest_port"] = e.destination_port;
    out["proto"] = protocol_name(e.protocol);
  }
  if ((e.has & Event::kReason) != 0) out["reason"] = row(e.reason).name;
  if ((e.has & Event::kLevel) != 0) out["level"] = e.level;
  if ((e.has & Event::kEvidence) != 0) {
    out["level_before"] = e.before;
    out["proven"] = (e.has & Event::kProven) != 0;
  }
  if (e.count != 0) out["count"] = e.count;
  if (e.suppressed != 0) out["suppressed"] = e.suppressed;
  out["worker"] = e.worker;
  return out;
}

std::string to_line(const nlohmann::ordered_json& event) {
  return event.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace mitibox
