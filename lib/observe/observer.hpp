// SPDX-License-Identifier: BSD-3-Clause
/// What one lcore tells beyond its counters.
#pragma once

#include <string>

#include "base/siphash.hpp"
#include "observe/heavy_hitters.hpp"
#include "observe/load.hpp"

namespace mitibox {

/// Written by its owner lcore. `load` any thread may read; the rest is asked for by errands.
struct Observer {
  /// `name`: prefix of the tables' names, unique in the process. `secret`: of this lcore alone.
  /// Throws std::runtime_error when memory is short.
  Observer(const std::string& name, Key128 secret);

  static std::size_t memory_bytes() { return 2 * HeavyHitters::memory_bytes(); }

  Load load;
  Sampler sampler;
  HeavyHitters sources;       ///< of probes: what asks for no service
  HeavyHitters destinations;  ///< of the same
};

}  // namespace mitibox
