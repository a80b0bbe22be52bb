// SPDX-License-Identifier: BSD-3-Clause
/// What an attempt would meet, without making it.
#pragma once

#include <cstdint>

#include "ruleset/ruleset.hpp"
#include "trust/trust.hpp"

namespace mitibox {

/// Of a first packet from outside that belongs to no connection, if it came now.
struct Forecast {
  enum class Fate : std::uint8_t {
    untouched,  ///< passes the box, which is not concerned
    hairpin,    ///< a protected address as source, on the outside: policy `hairpin`
    closed,     ///< met as by a closed port
    forged,     ///< the box answers, or keeps silent, in the destination's place
    host,       ///< its host gets it
    absent,     ///< as host, but no host has been seen there: forged where the box has its frames
  };
  enum class Why : std::uint8_t {
    not_protected,
    bypass,
    gateway,
    protected_source,
    no_service,
    tolerated,  ///< an echo request to an address that offers a service
    level,      ///< full distrust
    draw,       ///< partial distrust, and the draw for this destination
    service,
    is_public,
  };
  enum class Evidence : std::uint8_t {
    none,
    packet,     ///< the packet alone counts against its source
    handshake,  ///< completing the handshake does
  };

  Fate fate = Fate::untouched;
  Why why = Why::not_protected;
  Evidence evidence = Evidence::none;
  bool tried = false;      ///< while services are learned: the host is called all the same
  bool coin = false;       ///< Probability is asked first
  bool handshake = false;  ///< the box answers the SYN itself, whatever its fate
  bool never = false;      ///< the source is never distrusted
  TrustLevel level;
};

}  // namespace mitibox
