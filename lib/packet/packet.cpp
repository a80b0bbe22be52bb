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

FlowEnds ends_of(std::span<const std::uint64_t> key) {
  FlowEnds ends;
  const std::uint64_t ports = key.back();
  ends.outside.port = be16::from_raw(static_cast<std::uint16_t>(ports));
  ends.inside.port = be16::from_raw(static_cast<std::uint16_t>(ports >> 16U));
  if (key.size() == kKeySizeV4 / 8) {
    ends.outside.address = Address(be32::from_raw(static_cast<std::uint32_t>(key[0])));
    ends.inside.address = Address(be32::from_raw(static_cast<std::uint32_t>(key[0] >> 32U)));
  } else {
    std::memcpy(ends.outside.address.bytes.data(), &key[0], sizeof ends.outside.address.bytes);
    std::memcpy(ends.inside.address.bytes.data(), &key[2], sizeof ends.inside.address.bytes);
  }
  return ends;
}

}  // namespace mitibox
