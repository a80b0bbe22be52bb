// SPDX-License-Identifier: BSD-3-Clause
/// Time as the data path sees it: read once per burst, handed down as a parameter.
#pragma once

#include <chrono>
#include <cstdint>

namespace mitibox {

/// An instant, counted from the box's epoch, or a span between two instants. Never goes back. The
/// epoch is the box's first start, as far back as its state is kept, or the start of the capture:
/// what is drawn from a key and the time is drawn once, whatever the number of processes since.
using Time = std::chrono::nanoseconds;

/// Milliseconds since the process began, modulo 2^32 (49 days): what table records keep. Compare
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
  /// `age`: the box's at the start of the process; `since`: from there on.
  constexpr Now(Time age, Time since) : time(age + since), tick(to_tick(since)) {}
};

}  // namespace mitibox
