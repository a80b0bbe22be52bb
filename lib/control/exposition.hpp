// SPDX-License-Identifier: BSD-3-Clause
/// What Prometheus is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "control/insight.hpp"

namespace mitibox {

/// Of sources and of destinations so many get a label, and only after so many probes of which so
/// many were looked at: a flood under ever new addresses makes no labels.
inline constexpr std::size_t kNamed = 10;
inline constexpr std::uint64_t kWorthNaming = 128;
inline constexpr std::uint32_t kSightings = 8;

/// All metrics, in the text format 0.0.4.
std::string exposition(const Insight& insight);

}  // namespace mitibox
