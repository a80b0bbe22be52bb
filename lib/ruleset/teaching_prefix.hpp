// SPDX-License-Identifier: BSD-3-Clause
/// What tells teachers apart.
#pragma once

#include "packet/address.hpp"

namespace mitibox {

/// The network of a source, /24 or IPv6 /48: a destination is learned from several.
inline Address teaching_prefix(const Address& source) {
  return masked(source, source.is_v4() ? 24 : 48);
}

}  // namespace mitibox
