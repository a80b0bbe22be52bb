// SPDX-License-Identifier: BSD-3-Clause
#include "observe/observer.hpp"

namespace mitibox {

Observer::Observer(const std::string& name, Key128 secret)
    : sampler(siphash24_of(secret, 0U)),
      sources(secret, name + " sources"),
      destinations(secret, name + " destinations") {}

}  // namespace mitibox
