// SPDX-License-Identifier: BSD-3-Clause
#include "observe/observer.hpp"

#include <span>

namespace mitibox {

Observer::Observer(const std::string& name, Key128 secret, Recorder::Config events)
    : sampler(siphash24_of(secret, 0U)),
      sources(secret, name + " sources"),
      destinations(secret, name + " destinations"),
      recorder(name + " events", events),
      capture(name + " capture") {}

void Observer::count(Now when) {
  for (const Note& n : std::span(notes_).first(noted_)) {
    sources.add(n.source, n.weight, when);
    destinations.add(n.destination, n.weight, when);
  }
  noted_ = 0;
}

}  // namespace mitibox
