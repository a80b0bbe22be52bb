// SPDX-License-Identifier: BSD-3-Clause
/// Which TCP ports look open although they are no service (policy reply.surface, reply.decoys).
#pragma once

#include <bitset>

#include "base/siphash.hpp"
#include "packet/address.hpp"
#include "policy/policy.hpp"
#include "probability/share.hpp"

namespace mitibox {

/// A pure function of key, policy and destination: no table, no clock, and whoever lives there. As
/// long as the key is the same a scan finds the same decoys. Immutable; read by any lcore.
class Surface {
 public:
  Surface(const Policy& policy, Key128 key)
      : sparse_(policy.reply.surface == Policy::Surface::sparse),
        key_(key),
        usual_(policy.reply.decoys.share),
        elsewhere_(policy.reply.decoys.elsewhere) {
    if (sparse_) usual_ports_ = decoy_ports(policy);
  }

  /// Whether anything looks closed at all.
  [[nodiscard]] bool sparse() const { return sparse_; }

  /// Whether a TCP destination that is no service looks open.
  [[nodiscard]] bool decoy(const Destination& d) const {
    const std::uint64_t port = d.port | std::uint64_t{d.protocol} << 16U;
    const Share share = usual_ports_[d.port] ? usual_ : elsewhere_;
    return share.takes(siphash13_of(key_, d.address.high(), d.address.low(), port));
  }

 private:
  bool sparse_;
  Key128 key_;
  Share usual_;
  Share elsewhere_;
  std::bitset<65536> usual_ports_;
};

}  // namespace mitibox
