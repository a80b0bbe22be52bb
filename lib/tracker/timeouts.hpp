// SPDX-License-Identifier: BSD-3-Clause
/// How long connections stay known, by what they are.
#pragma once

#include <cstdint>

#include "base/time.hpp"
#include "policy/policy.hpp"

namespace mitibox {

/// Policy::timeouts in ms, but for the grace period.
struct Timeouts {
  explicit Timeouts(const Policy& policy)
      : half_open(ms(policy.timeouts.half_open)),
        established(ms(policy.timeouts.established)),
        closing(ms(policy.timeouts.closing)),
        time_wait(ms(policy.timeouts.time_wait)),
        udp(ms(policy.timeouts.udp)),
        udp_replied(ms(policy.timeouts.udp_replied)),
        other(ms(policy.timeouts.other)) {}

  std::uint32_t half_open, established, closing, time_wait, udp, udp_replied, other;

 private:
  static std::uint32_t ms(Seconds s) { return static_cast<std::uint32_t>(s.count()) * 1000U; }
};

}  // namespace mitibox
