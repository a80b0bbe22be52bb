// SPDX-License-Identifier: BSD-3-Clause
#include "observe/observer.hpp"

namespace mitibox {

Observer::Observer(const std::string& name, Key128 secret, Recorder::Config events)
    : sampler(siphash24_of(secret, 0U)),
      sources(secret, name + " sources"),
      destinations(secret, name + " destinations"),
      recorder(name + " events", events),
      capture(name + " capture") {}

}  // namespace mitibox
