// SPDX-License-Identifier: BSD-3-Clause
/// Hosts seen inside: which protected addresses live, and under which MAC.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "packet/address.hpp"

namespace mitibox {

struct Host {
  Address address;
  Mac mac;
  std::int16_t listed = -1;  ///< index among the listed addresses, -1: not listed
  Tick seen = 0;
  std::uint16_t told = 0;  ///< see note_told()
  bool used = false;

  /// The last sign of life that all lcores heard of. Kept to 256 ms, to fit.
  void note_told(Tick sign) { told = static_cast<std::uint16_t>(sign >> 8U); }
  [[nodiscard]] std::uint32_t since_told(Tick now) const {
    return static_cast<std::uint32_t>(static_cast<std::uint16_t>((now >> 8U) - told)) << 8U;
  }
};
static_assert(sizeof(Host) <= 32, "two hosts a cache line");

/// Fixed memory, buckets of eight; a full bucket gives up the host that was silent longest, so one
/// lookup costs the same whatever was inserted. The hash has no key: only hosts on the protected
/// side insert, and what a collision costs is a memory of one of them.
///
/// Written by the owner lcore alone, and read by it alone.
class HostTable {
 public:
  static constexpr std::size_t kMaxHosts = 65536;

  /// Room for `addresses` hosts, at most kMaxHosts.
  explicit HostTable(std::uint64_t addresses);

  [[nodiscard]] const Host* find(const Address& address) const;
  [[nodiscard]] Host* find(const Address& address);
  /// The host at this address, which must not be in the table; the caller fills the rest in.
  Host& insert(const Address& address, Tick now);
  void erase(const Address& address);
  /// Forgets hosts silent for `silence` ms or more in the next bucket.
  void sweep(Tick now, std::uint32_t silence);

 private:
  static constexpr std::size_t kWays = 8;
  using Bucket = std::array<Host, kWays>;
  [[nodiscard]] std::size_t bucket_of(const Address& address) const;

  std::vector<Bucket> buckets_;
  std::size_t cursor_ = 0;
};

}  // namespace mitibox
