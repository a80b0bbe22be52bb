// SPDX-License-Identifier: BSD-3-Clause
/// Routers inside the protected prefixes but on the outside port: their addresses and MACs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/time.hpp"
#include "packet/address.hpp"

namespace mitibox {

/// Owned by one lcore. Fixed memory; contains() is made for every packet.
class Gateways {
 public:
  static constexpr std::size_t kLearned = 64;
  static constexpr std::size_t kMacs = 64;

  /// `listed`: from the policy, gateways for ever.
  explicit Gateways(std::vector<Address> listed);

  [[nodiscard]] bool contains(const Address& address) const {
    return (filter_[slot(address) / 64] >> (slot(address) % 64) & 1U) != 0 && search(address);
  }
  /// A protected address was seen outside; whether it is a new gateway. Ignored when kLearned are
  /// known already.
  bool learn(const Address& address, Tick now);
  /// Forgets a learned gateway that was silent for `silence` ms; whether it was forgotten.
  bool forget(const Address& address, Tick now, std::uint32_t silence);

  [[nodiscard]] bool has_mac(const Mac& mac) const;
  /// Whether it is new, or `told` for the last time `span` ms ago or more. When kMacs are known,
  /// the one learned first makes room: routers get replaced.
  bool learn_mac(const Mac& mac, Tick now, std::uint32_t span);

  struct Learned {
    Address address;
    Tick seen = 0;
  };
  struct UsedMac {
    Mac mac;
    Tick told = 0;  ///< when learn_mac() last said so
  };
  [[nodiscard]] std::span<const Learned> learned() const {
    return {learned_.data(), learned_count_};
  }
  [[nodiscard]] std::span<const UsedMac> macs() const { return {macs_.data(), mac_count_}; }

 private:
  static std::size_t slot(const Address& address) {
    const std::uint64_t x = (address.low() ^ address.high()) * 0x9e3779b97f4a7c15U;
    return static_cast<std::size_t>(x >> 54U);
  }
  [[nodiscard]] bool search(const Address& address) const;
  void rebuild_filter();

  std::vector<Address> listed_;
  std::array<Learned, kLearned> learned_{};
  std::size_t learned_count_ = 0;
  std::array<std::uint64_t, 16> filter_{};  ///< a bit a slot: whether any gateway falls there
  std::array<UsedMac, kMacs> macs_{};
  std::size_t mac_count_ = 0;
  std::size_t oldest_mac_ = 0;
};

}  // namespace mitibox
