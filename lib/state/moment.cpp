// SPDX-License-Identifier: BSD-3-Clause
#include "state/moment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <fstream>

namespace mitibox {

namespace {

std::int64_t read(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

/// Without overflow, whatever a file says.
Time difference(std::int64_t now, std::int64_t then) {
  const auto span = static_cast<__int128>(now) - then;
  return Time(static_cast<std::int64_t>(std::clamp<__int128>(
      span, -kLongestPause.count(), static_cast<__int128>(kLongestPause.count()))));
}

std::string in_words(Time span) {
  const auto s = std::chrono::duration_cast<std::chrono::seconds>(span).count();
  constexpr std::int64_t kDay = 86'400;
  return s >= 2 * kDay ? fmt::format("{} days", s / kDay) : fmt::format("{} s", s);
}

}  // namespace

Moment Moment::now(Time age) {
  Moment m;
  m.age = age;
  m.wall = read(CLOCK_REALTIME);
  m.since_boot = read(CLOCK_BOOTTIME);
  std::string id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
  std::copy_n(id.begin(), std::min(id.size(), m.boot_id.size() - 1), m.boot_id.begin());
  return m;
}

Pause pause_between(const Moment& then, const Moment& now) {
  const bool one_boot = then.boot_id == now.boot_id && then.boot_id[0] != 0;
  const Time span =
      one_boot ? difference(now.since_boot, then.since_boot) : difference(now.wall, then.wall);
  if (span < Time{})
    return {Time{}, fmt::format("the clock is {} before the time at which it was saved, so its "
                                "distrust goes on as if no time had passed",
                                in_words(-span))};
  if (span >= kLongestPause)
    return {span, fmt::format("by the clock it was saved more than {} ago, so all of its distrust "
                              "is over; is the clock right?",
                              in_words(kLongestPause))};
  return {span, {}};
}

}  // namespace mitibox
