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

bool Gateways::learn(const Address& address, Tick now) {
  for (std::size_t i = 0; i < learned_count_; ++i) {
    if (learned_[i].address == address) {
      learned_[i].seen = now;
      return false;
    }
  }
  if (learned_count_ == kLearned || contains(address)) return false;
  learned_[learned_count_++] = {address, now};
  rebuild_filter();
  return true;
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
  return std::any_of(macs_.data(), end, [&](const UsedMac& m) { return m.mac == mac; });
}

bool Gateways::learn_mac(const Mac& mac, Tick now, std::uint32_t span) {
  auto* const end = macs_.data() + mac_count_;
  auto* const known =
      std::find_if(macs_.data(), end, [&](const UsedMac& m) { return m.mac == mac; });
  if (known != end) {
    if (elapsed(now, known->told) < span) return false;
    known->told = now;
    return true;
  }
  if (mac_count_ < kMacs) {
    macs_[mac_count_++] = {mac, now};
    return true;
  }
  macs_[oldest_mac_] = {mac, now};
  oldest_mac_ = (oldest_mac_ + 1) % kMacs;
  return true;
}

}  // namespace mitibox
