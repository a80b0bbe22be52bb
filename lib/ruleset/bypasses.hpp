// SPDX-License-Identifier: BSD-3-Clause
/// Sources that for some time see the LAN as it is: compliance scanners.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.hpp"
#include "packet/address.hpp"

namespace mitibox {

struct Bypass {
  Prefix source;                         ///< outside
  std::optional<Prefix> to;              ///< within protected; nothing: all of it
  std::optional<std::uint16_t> port;     ///< TCP and UDP; nothing: whatever is there
  std::optional<std::uint8_t> protocol;  ///< with a port
  Time until{};                          ///< the box's time
};

/// A few of them: each frame is held against all. Plain data: each lcore has its own copy.
class Bypasses {
 public:
  static constexpr std::size_t kMost = 16;

  /// False when there is no room for one more.
  bool add(const Bypass& bypass) {
    if (count_ == kMost) return false;
    all_[count_++] = bypass;
    return true;
  }
  template <typename Which>
  std::size_t remove_if(Which which) {
    auto* const end = std::remove_if(all_.begin(), all_.begin() + count_, which);
    const auto gone = static_cast<std::size_t>(all_.begin() + count_ - end);
    count_ -= gone;
    return gone;
  }

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::span<const Bypass> all() const { return {all_.data(), count_}; }

  /// Whether what passes between these two ends, either way, is to be left alone. `inside`: with
  /// the port of the inside end; 0 where it has none or shows none (a later fragment).
  [[nodiscard]] bool cover(const Address& outside, const Destination& inside, Time now) const {
    return std::any_of(all_.begin(), all_.begin() + count_, [&](const Bypass& b) {
      return now < b.until && b.source.contains(outside) &&
             (!b.to || b.to->contains(inside.address)) && (!b.port || *b.port == inside.port) &&
             (!b.protocol || *b.protocol == inside.protocol);
    });
  }

 private:
  std::array<Bypass, kMost> all_{};
  std::size_t count_ = 0;
};

}  // namespace mitibox
