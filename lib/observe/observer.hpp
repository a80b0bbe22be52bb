// SPDX-License-Identifier: BSD-3-Clause
/// What one lcore tells beyond its counters.
#pragma once

#include <array>
#include <string>

#include "base/siphash.hpp"
#include "observe/capture.hpp"
#include "observe/heavy_hitters.hpp"
#include "observe/load.hpp"
#include "observe/recorder.hpp"
#include "packet/packet.hpp"

namespace mitibox {

/// Written by its owner lcore. `load` any thread may read; the rest is asked for by errands.
struct Observer {
  /// `name`: prefix of the tables' names, unique in the process. `secret`: of this lcore alone.
  /// Throws std::runtime_error when memory is short.
  Observer(const std::string& name, Key128 secret, Recorder::Config events);

  static std::size_t memory_bytes() {
    return 2 * HeavyHitters::memory_bytes() + Recorder::memory_bytes() + Capture::memory_bytes();
  }

  /// A probe, to be counted by settle(): what asks for no service must not be answered later for
  /// it.
  void note(const HeavyHitters::Item& source, const HeavyHitters::Item& destination,
            std::uint32_t weight, Now when) {
    if (noted_ == notes_.size()) settle(when);
    notes_[noted_++] = {source, destination, weight};
  }
  /// Once the frames have left.
  void settle(Now when) {
    if (noted_ != 0) count(when);
  }

  Load load;
  Sampler sampler;
  HeavyHitters sources;       ///< of probes: what asks for no service
  HeavyHitters destinations;  ///< of the same
  Recorder recorder;
  Capture capture;
  Now now;  ///< of the burst or the tick that goes on

 private:
  struct Note {
    HeavyHitters::Item source;
    HeavyHitters::Item destination;
    std::uint32_t weight;
  };

  void count(Now when);

  std::array<Note, 2 * kBurst> notes_;
  std::size_t noted_ = 0;
};

}  // namespace mitibox
