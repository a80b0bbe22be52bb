// SPDX-License-Identifier: BSD-3-Clause
/// What the Neighbours of several lcores tell each other.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/time.hpp"
#include "packet/address.hpp"
#include "packet/packet.hpp"
#include "port/neighbour_frames.hpp"

namespace mitibox {

/// Soft state: told when it changes and every few seconds while it holds, so that a lost one heals.
struct Fact {
  enum class Kind : std::uint8_t {
    host,         ///< a host inside has `address`, under `mac`, in `tags`
    wanted,       ///< a frame for `address` came to the box's MAC; for the speaker
    dark,         ///< the host at `address` answered no probe; from the speaker, as those below
    outside,      ///< someone outside has `address`
    gateway,      ///< so has a gateway
    gateway_mac,  ///< a gateway uses `mac`; from anyone
  };

  Kind kind = Kind::host;
  bool neighbour = false;  ///< host: by ARP or ND, which weighs more
  Mac mac;
  Address address;
  Tags tags;
  Tick seen = 0;  ///< the sign of life that it rests on, by the clock all lcores share

  static Fact about(Kind kind, const Address& address, Tick seen = 0) {
    Fact fact;
    fact.kind = kind;
    fact.address = address;
    fact.seen = seen;
    return fact;
  }
  static Fact gateway_uses(const Mac& mac) {
    Fact fact;
    fact.kind = Kind::gateway_mac;
    fact.mac = mac;
    return fact;
  }
};
static_assert(std::is_trivially_copyable_v<Fact>, "travels through rings of bytes");
static_assert(sizeof(Fact) == 40, "a ring of them stays small, and whole words");

/// The way to all other lcores.
class FactSink {
 public:
  virtual ~FactSink() = default;
  /// Never waits. What it cannot pass on it counts.
  virtual void tell(const Fact& fact) = 0;
};

}  // namespace mitibox
