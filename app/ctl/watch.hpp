// SPDX-License-Identifier: BSD-3-Clause
/// Counters as they grow.
#pragma once

#include <chrono>
#include <string>

#include "client.hpp"

namespace mitibox::ctl {

/// What has changed from one answer of `stats` to the next, `span` later: its rate and its value.
std::string rates(const Json& before, const Json& now, std::chrono::duration<double> span);

/// Prints rates every `period`, `count` times; 0: until interrupted. On a terminal in place.
void watch(Client& box, std::chrono::milliseconds period, unsigned count);

}  // namespace mitibox::ctl
