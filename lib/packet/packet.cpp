// SPDX-License-Identifier: BSD-3-Clause
#include "packet/packet.hpp"

#include <cstring>

namespace mitibox {

FlowKey make_flow_key(Family family, std::uint8_t protocol, const End& outside, const End& inside) {
  FlowKey key;
  const std::uint64_t ports =
      outside.port.raw() | std::uint64_t{inside.port.raw()} << 16U | std::uint64_t{protocol} << 32U;
  if (family == Family::v4) {
    key.words[0] = outside.address.v4().raw() | std::uint64_t{inside.address.v4().raw()} << 32U;
    key.words[1] = ports;
  } else {
    key.words = {outside.address.high(), outside.address.low(), inside.address.high(),
                 inside.address.low(), ports};
  }
  return key;
}

}  // namespace mitibox
