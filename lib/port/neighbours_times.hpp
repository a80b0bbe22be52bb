// SPDX-License-Identifier: BSD-3-Clause
/// Intervals of Neighbours, in milliseconds.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace mitibox {

inline constexpr std::uint32_t kSilence = 300'000;     ///< then a host is probed anew
inline constexpr std::uint32_t kProbeInterval = 1000;  ///< between probes, and for the last answer
inline constexpr std::uint8_t kProbes = 3;             ///< a round
inline constexpr std::uint32_t kStartInterval = 10;    ///< between addresses probed unasked
inline constexpr std::uint32_t kRecheck = 60'000;      ///< a dark address asked for: one probe
inline constexpr std::uint32_t kSettle = 10'000;  ///< RFC 5227: a host claims within 9 s at most
/// Answered for, a host that gave no sign of its MAC for so long is looked for; and between two
/// such rounds. Longer than kRepeat, or a listener's traffic would come too late.
inline constexpr std::uint32_t kAssured = 15'000;
inline constexpr std::uint32_t kAnnounce = 1000;  ///< between announcements of one address
inline constexpr std::uint32_t kFresh = 1000;     ///< a sign of life this young needs no update
inline constexpr std::uint32_t kSweep = 32;       ///< for one pass over the listed addresses
inline constexpr std::uint32_t kRepeat = 10'000;  ///< between two facts of the same content
/// Then a listener takes a silent host for gone: by now the speaker has probed it and told, and
/// repeated it several times.
inline constexpr std::uint32_t kUnconfirmed = kSilence + 6 * kRepeat;

/// Whether `now` has come to `due`; both lie close together.
constexpr bool reached(Tick now, Tick due) {
  return static_cast<std::int32_t>(now - due) >= 0;
}

}  // namespace mitibox
