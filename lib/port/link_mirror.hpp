// SPDX-License-Identifier: BSD-3-Clause
/// A cut on one side is shown to the other, so that its routing sees it.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "packet/packet.hpp"
#include "port/port_link.hpp"

namespace mitibox {

/// Remembers which side it has cut itself: a side that is down of its own is mirrored, one that was
/// cut is raised when the other is back, so two mirrors in a row, or one whose both sides fail,
/// never wait for each other. Used by one thread.
class LinkMirror {
 public:
  /// A side that was raised gets this long until its link is there (autonegotiation, spanning
  /// tree), and so does each at the start; until then its absence is not mirrored.
  static constexpr Time kPatience = std::chrono::seconds(5);

  /// Raises both sides, since an earlier process may have cut one. Both must outlive it.
  LinkMirror(PortLink& outside, PortLink& inside, Time now);

  /// Call some ten times a second. What was done, a line each.
  std::vector<std::string> poll(Time now);

  /// Raises what was cut: nobody watches any more.
  void end();

  [[nodiscard]] bool is_cut(Side side) const { return half(side).cut; }

 private:
  struct Half {
    PortLink* link;
    bool cut = false;        ///< by the mirror
    bool can_be_cut = true;  ///< as far as is known
    Time patient_until{};
  };
  Half& half(Side side) { return halves_[index(side)]; }
  [[nodiscard]] const Half& half(Side side) const { return halves_[index(side)]; }

  std::array<Half, kSides> halves_;
};

}  // namespace mitibox
