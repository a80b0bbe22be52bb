// SPDX-License-Identifier: BSD-3-Clause
/// When state was saved, by every clock there is, and how long ago that was.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/time.hpp"

namespace mitibox {

/// Part of the state file.
struct Moment {
  Time age{};                      ///< the box's own time
  std::int64_t wall = 0;           ///< ns since 1970
  std::int64_t since_boot = 0;     ///< ns since the machine's boot, sleep included
  std::array<char, 40> boot_id{};  ///< the kernel's name for this boot; zeros behind it

  static Moment now(Time age);
};
static_assert(sizeof(Moment) == 64, "as it stands in the file");

/// The longest time that may have passed: everything there is expires earlier.
inline constexpr Time kLongestPause = std::chrono::hours(24 * 400);

struct Pause {
  Time span{};         ///< 0 to kLongestPause
  std::string remark;  ///< for the operator, when the clocks cannot be right; else empty
};

/// From `then` to `now`. Within one boot by the clock that nobody sets. Across boots there is only
/// the wall clock: set back, no time has passed, and distrust lasts longer by as much; set forward,
/// what it covers is forgiven, as after a long pause.
Pause pause_between(const Moment& then, const Moment& now);

}  // namespace mitibox
