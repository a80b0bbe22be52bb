// SPDX-License-Identifier: BSD-3-Clause
/// A capture does not say by which port a frame would have come; its addresses do.
#pragma once

#include <unordered_map>
#include <vector>

#include "frame_view.hpp"
#include "packet/address.hpp"

namespace mitibox::replay {

class SideFinder {
 public:
  /// `inside`: addresses on the inside port. `gateways`: those among them that are not.
  SideFinder(const std::vector<Prefix>& inside, const std::vector<Address>& gateways);

  /// By addresses: an inside source comes from inside; an inside destination from outside. Else
  /// (and for ARP) by what the sender's MAC was last seen to be. Unknown: outside.
  Side find(const FrameView& frame);

 private:
  struct MacHash {
    std::size_t operator()(const Mac& mac) const;
  };

  [[nodiscard]] bool is_inside(const Address& address) const;
  [[nodiscard]] std::optional<Side> by_mac(const FrameView& frame) const;

  PrefixSet inside_;
  std::vector<Address> gateways_;
  std::unordered_map<Mac, Side, MacHash> macs_;
};

}  // namespace mitibox::replay
