// SPDX-License-Identifier: BSD-3-Clause
/// What the metrics and the live page show, gathered at one moment.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "control/box.hpp"
#include "observe/load.hpp"

namespace mitibox {

struct Insight {
  /// Of a source that probes much.
  struct Source {
    Address address;
    std::uint64_t probes = 0;  ///< since it came into the table; there may have been more before
    std::uint32_t seen = 0;    ///< so many of them were looked at: in a flood few
    unsigned level = 0;
    double divert = 0;  ///< share of its attempts that are diverted
    bool proven = false;
    double left = 0;      ///< seconds until the level ends
    double forgiven = 0;  ///< seconds until it is neutral, if it does nothing more
  };
  struct Probed {
    Destination destination;
    std::uint64_t probes = 0;  ///< as a source's
    std::uint32_t seen = 0;
  };
  struct Worker {
    bool answers = false;  ///< the rest is 0 otherwise
    std::uint64_t polls = 0;
    std::uint64_t busy_polls = 0;
    std::uint64_t busy_ns = 0;
    std::array<std::uint64_t, Load::kBuckets> buckets{};
  };
  struct Table {
    std::string_view name;  ///< as the policy calls it, connections by family
    std::uint64_t entries = 0;
    std::uint64_t capacity = 0;
  };

  static constexpr std::size_t kSources = 64;
  static constexpr std::size_t kProbed = 512;

  std::chrono::system_clock::time_point at;
  std::chrono::steady_clock::time_point moment;  ///< the same, on a clock that nobody sets
  std::chrono::steady_clock::time_point run;     ///< of the process: another one has another
  BoxStatus status;
  std::shared_ptr<const Policy> policy;
  Snapshot snapshot;
  std::vector<Worker> workers;
  std::vector<std::uint64_t> levels;  ///< proven sources by level, from 1 on
  std::vector<Source> sources;        ///< at most kSources, the busiest first
  std::vector<Probed> probed;         ///< at most kProbed, the most probed first

  /// How full the tables are.
  [[nodiscard]] std::vector<Table> tables() const;
};

/// Asks every worker. While one stands still nothing but counters is known of any; throws nothing
/// because of that.
Insight gather(Box& box);

}  // namespace mitibox
