// SPDX-License-Identifier: BSD-3-Clause
/// A Forecast in words.
#pragma once

#include "chain/forecast.hpp"
#include "control/command.hpp"

namespace mitibox {

/// A row: destination, service, outcome, why, first (the coin), evidence.
Json describe(const Destination& to, const Forecast& forecast, const Policy& policy);

}  // namespace mitibox
