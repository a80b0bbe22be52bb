// SPDX-License-Identifier: BSD-3-Clause
/// Events as lines of JSON, with the names of Suricata's EVE where it has one.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "observe/event.hpp"

namespace mitibox {

using WallTime = std::chrono::system_clock::time_point;

/// ISO 8601 with microseconds and the offset of the local time.
std::string to_iso(WallTime when);

/// Members `timestamp` and `event_type`; a control thread's own event adds its others.
nlohmann::ordered_json event_head(EventType type, WallTime when);

/// What an lcore has told. `when`: Event::time on the wall's clock.
nlohmann::ordered_json to_json(const Event& event, WallTime when);

/// In one line, without its end. Bytes that are not UTF-8 are replaced.
std::string to_line(const nlohmann::ordered_json& event);

}  // namespace mitibox
