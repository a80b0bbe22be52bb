// SPDX-License-Identifier: BSD-3-Clause
/// The box's instants as dates.
#pragma once

#include <fmt/chrono.h>

#include <chrono>
#include <string>

#include "base/time.hpp"

namespace mitibox {

/// "2026-03-01T12:00:00Z" (RFC 3339) of what is `now` at this very moment.
inline std::string date_of(Time instant, Time now) {
  using std::chrono::system_clock;
  const auto at =
      system_clock::now() + std::chrono::duration_cast<system_clock::duration>(instant - now);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::time_point_cast<std::chrono::seconds>(at)));
}

/// Whole seconds until then, rounded up.
inline std::int64_t seconds_until(Time instant, Time now) {
  return std::chrono::ceil<std::chrono::seconds>(instant - now).count();
}

}  // namespace mitibox
