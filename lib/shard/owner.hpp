// SPDX-License-Identifier: BSD-3-Clause
/// Which worker owns a source, and with it all state about it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/secrets.hpp"
#include "base/siphash.hpp"
#include "packet/address.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "port/steering.hpp"
#include "trust/source.hpp"

namespace mitibox {

/// A function of the source, of the secret and of the number of workers alone; of the source, what
/// Owned says: prefixes whose members are counted together lie with one worker. Immutable; read by
/// every lcore.
class Owner {
 public:
  /// `steering`: where the NIC puts packets; sources that it covers are owned where they arrive.
  Owner(const Policy& policy, const Secrets& secrets, unsigned workers,
        const Steering& steering = {})
      : Owner(Owned(policy), secrets, workers, steering) {}
  Owner(const Owned& owned, const Secrets& secrets, unsigned workers, const Steering& steering)
      : mask_(owned.ipv4, owned.ipv6), key_(secrets.owner), workers_(workers) {
    if (!steering.nic) return;
    table_.emplace(steering);
    // What the NIC hashes must be what one worker owns.
    follows_v4_ = owned.ipv4 == 32 && table_->covers(Address(be32(0x0a000001U)));
    follows_v6_ = steering.v6_prefix != 0 && owned.ipv6 == steering.v6_prefix;
  }

  /// 0..workers-1.
  [[nodiscard]] unsigned of(const Address& outside) const {
    if (outside.is_v4() ? follows_v4_ : follows_v6_) return table_->queue(outside);
    const Source source = mask_(outside);
    return worker_of(siphash13_of(key_, source.high, source.low));
  }

  /// As above, of at most kBurst addresses; `owners` is as long.
  void of(std::span<const Address> outside, std::span<unsigned> owners) const {
    std::array<std::array<std::uint64_t, kBurst>, 2> columns;
    std::array<std::uint64_t, kBurst> hashes;
    std::array<std::uint8_t, kBurst> places;
    std::size_t n = 0;
    for (std::size_t i = 0; i < outside.size(); ++i) {
      if (outside[i].is_v4() ? follows_v4_ : follows_v6_) {
        owners[i] = table_->queue(outside[i]);
        continue;
      }
      const Source source = mask_(outside[i]);
      columns[0][n] = source.high;
      columns[1][n] = source.low;
      places[n++] = static_cast<std::uint8_t>(i);
    }
    siphash_columns<1, 3>(key_, columns, n, hashes);
    for (std::size_t k = 0; k < n; ++k) owners[places[k]] = worker_of(hashes[k]);
  }

 private:
  [[nodiscard]] unsigned worker_of(std::uint64_t hash) const {
    return static_cast<unsigned>((hash >> 32U) * workers_ >> 32U);
  }

  SourceMask mask_;
  Key128 key_;
  unsigned workers_;
  std::optional<SteeringTable> table_;
  bool follows_v4_ = false;
  bool follows_v6_ = false;
};

}  // namespace mitibox
