// SPDX-License-Identifier: BSD-3-Clause
/// A probability, ready to be compared with a uniform 64-bit draw.
#pragma once

#include <cmath>
#include <cstdint>

namespace mitibox {

class Share {
 public:
  Share() = default;
  /// `probability`: 0..1; exact to 2^-53, and at 0 (never) and 1 (always).
  explicit Share(double probability)
      : always_(probability >= 1.0),
        bound_(probability > 0.0 && probability < 1.0
                   ? static_cast<std::uint64_t>(std::ldexp(probability, 64))
                   : 0) {}

  [[nodiscard]] bool never() const { return bound_ == 0 && !always_; }
  /// As takes(), for one turn after another: each with the same probability, and as evenly spread
  /// as can be. Of a share d, 1 / (1 - d) turns in a row (rounded up) hold one that is not taken.
  [[nodiscard]] bool takes_in_turn(std::uint64_t draw, std::uint64_t turn) const {
    return takes(draw - turn * bound_);
  }
  [[nodiscard]] bool takes(std::uint64_t draw) const { return draw < bound_ || always_; }

 private:
  bool always_ = false;
  std::uint64_t bound_ = 0;
};

}  // namespace mitibox
