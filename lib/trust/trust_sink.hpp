// SPDX-License-Identifier: BSD-3-Clause
/// What Trust has to say beyond counting.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/time.hpp"
#include "packet/address.hpp"

namespace mitibox {

struct TrustEvent {
  enum class Kind : std::uint8_t {
    allowed,    ///< an allowed source has made `count` illegitimate attempts
    escalated,  ///< `on` is distrusted, since `count` of its members are; of several the widest
  };

  Kind kind{};
  bool proven = false;  ///< the last attempt was a completed handshake
  std::uint32_t count = 0;
  Address source;             ///< whose attempt brought it about
  Destination destination{};  ///< of that; meaningless if a source was distrusted by hand
  Prefix on;
  Time time{};
};
static_assert(std::is_trivially_copyable_v<TrustEvent>);

/// Is told on the owner lcore as it happens: no heap, locks or logs.
class TrustSink {
 public:
  virtual ~TrustSink() = default;
  virtual void tell(const TrustEvent& event) = 0;
};

}  // namespace mitibox
