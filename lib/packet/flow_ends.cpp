// SPDX-License-Identifier: BSD-3-Clause
#include "packet/flow_ends.hpp"

#include <cstring>

namespace mitibox {

namespace {

Address address_v6(std::span<const std::uint64_t> words) {
  Address a;
  std::memcpy(a.bytes.data(), words.data(), a.bytes.size());
  return a;
}

}  // namespace

FlowEnds ends_of(Family family, std::span<const std::uint64_t> key) {
  FlowEnds e;
  if (family == Family::v4) {
    e.outside.address = Address(be32::from_raw(static_cast<std::uint32_t>(key[0])));
    e.inside.address = Address(be32::from_raw(static_cast<std::uint32_t>(key[0] >> 32U)));
  } else {
    e.outside.address = address_v6(key.first(2));
    e.inside.address = address_v6(key.subspan(2, 2));
  }
  const std::uint64_t ports = key[family == Family::v4 ? 1 : 4];
  e.outside.port = be16::from_raw(static_cast<std::uint16_t>(ports));
  e.inside.port = be16::from_raw(static_cast<std::uint16_t>(ports >> 16U));
  e.protocol = static_cast<std::uint8_t>(ports >> 32U);
  return e;
}

}  // namespace mitibox
