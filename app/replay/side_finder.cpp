// SPDX-License-Identifier: BSD-3-Clause
#include "side_finder.hpp"

#include <algorithm>

namespace mitibox::replay {

SideFinder::SideFinder(const std::vector<Prefix>& inside, const std::vector<Address>& gateways)
    : inside_(inside), gateways_(gateways) {}

std::size_t SideFinder::MacHash::operator()(const Mac& mac) const {
  std::uint64_t word = 0;
  std::memcpy(&word, mac.bytes.data(), mac.bytes.size());
  return std::hash<std::uint64_t>{}(word);
}

bool SideFinder::is_inside(const Address& address) const {
  return inside_.contains(address) && std::ranges::find(gateways_, address) == gateways_.end();
}

std::optional<Side> SideFinder::by_mac(const FrameView& frame) const {
  if (!frame.mac) return std::nullopt;
  const auto known = macs_.find(*frame.mac);
  return known == macs_.end() ? std::nullopt : std::optional(known->second);
}

Side SideFinder::find(const FrameView& frame) {
  if (frame.family != Family::none) {
    const bool sent = is_inside(frame.source);
    if (sent || is_inside(frame.destination)) {
      const Side side = sent ? Side::inside : Side::outside;
      if (frame.mac) macs_.insert_or_assign(*frame.mac, side);
      return side;
    }
  }
  if (const auto side = by_mac(frame)) return *side;
  return frame.arp && is_inside(frame.source) ? Side::inside : Side::outside;
}

}  // namespace mitibox::replay
