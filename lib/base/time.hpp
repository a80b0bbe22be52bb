// SPDX-License-Identifier: BSD-3-Clause
/// Time as the data path sees it: read once per burst, handed down as a parameter.
#pragma once

#include <chrono>
#include <cstdint>

namespace mitibox {

/// An instant, counted from the box's epoch (the start of the process, or of the capture), or a
/// span between two instants. Never goes back.
using Time = std::chrono::nanoseconds;

/// Milliseconds since the box's epoch, modulo 2^32 (49 days): what table records keep. Compare
/// only by difference, and only within tables whose entries are swept long before they wrap.
using Tick = std::uint32_t;

constexpr Tick to_tick(Time t) {
  return static_cast<Tick>(static_cast<std::uint64_t>(t.count()) / 1'000'000U);
}

/// Milliseconds from `then` to `now`; `now` must not lie before `then`.
constexpr std::uint32_t elapsed(Tick now, Tick then) {
  return now - then;
}

/// One reading of the clock, shared by all packets of a burst.
struct Now {
  Time time{};
  Tick tick = 0;

  constexpr Now() = default;
  constexpr explicit Now(Time t) : time(t), tick(to_tick(t)) {}
};

}  // namespace mitibox
