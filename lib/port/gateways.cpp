// SPDX-License-Identifier: BSD-3-Clause
#include "port/gateways.hpp"

#include <algorithm>
#include <utility>

namespace mitibox {

Gateways::Gateways(std::vector<Address> listed) : listed_(std::move(listed)) {
  rebuild_filter();
}

void Gateways::rebuild_filter() {
  filter_.fill(0);
  const auto mark = [this](const Address& a) {
    filter_[slot(a) / 64] |= std::uint64_t{1} << (slot(a) % 64);
  };
  for (const Address& a : listed_) mark(a);
  for (std::size_t i = 0; i < learned_count_; ++i) mark(learned_[i].address);
}

bool Gateways::search(const Address& address) const {
  const auto* end = learned_.data() + learned_count_;
  return std::find(listed_.begin(), listed_.end(), address) != listed_.end() ||
         std::any_of(learned_.data(), end, [&](const Learned& l) { return l.address == address; });
}

void Gateways::learn(const Address& address, Tick now) {
  for (std::size_t i = 0; i < learned_count_; ++i) {
    if (learned_[i].address == address) {
      learned_[i].seen = now;
      return;
    }
  }
  if (learned_count_ == kLearned || contains(address)) return;
  learned_[learned_count_++] = {address, now};
  rebuild_filter();
}

bool Gateways::forget(const Address& address, Tick now, std::uint32_t silence) {
  for (std::size_t i = 0; i < learned_count_; ++i) {
    if (learned_[i].address != address) continue;
    if (elapsed(now, learned_[i].seen) < silence) return false;
    learned_[i] = learned_[--learned_count_];
    rebuild_filter();
    return true;
  }
  return false;
}

bool Gateways::has_mac(const Mac& mac) const {
  const auto* end = macs_.data() + mac_count_;
  return std::find(macs_.data(), end, mac) != end;
}

void Gateways::learn_mac(const Mac& mac) {
  if (has_mac(mac)) return;
  if (mac_count_ < kMacs) {
    macs_[mac_count_++] = mac;
    return;
  }
  macs_[oldest_mac_] = mac;
  oldest_mac_ = (oldest_mac_ + 1) % kMacs;
}

}  // namespace mitibox
