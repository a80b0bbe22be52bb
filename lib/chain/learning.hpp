// SPDX-License-Identifier: BSD-3-Clause
/// Which attempts at what is no service are tried all the same, to learn who answers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "observe/counters.hpp"
#include "policy/policy.hpp"
#include "probability/share.hpp"
#include "trust/source.hpp"

namespace mitibox {

/// Part of a chain's orders.
struct Learning {
  Learning() = default;
  /// `lasts`: the learning period does.
  Learning(const Policy::Learn& learn, bool lasts)
      : ports(lasts ? learn.ports : std::vector<PortRange>()), share(learn.share) {}

  [[nodiscard]] bool on() const { return !ports.empty(); }
  [[nodiscard]] bool lists(std::uint16_t port) const {
    const auto at = std::partition_point(ports.begin(), ports.end(),
                                         [&](const PortRange& r) { return r.last < port; });
    return at != ports.end() && at->first <= port;
  }

  std::vector<PortRange> ports;  ///< sorted, disjoint; none: nothing is tried
  Share share;                   ///< of networks and destinations
};

/// A host answered a proven source.
struct Finding {
  Destination destination;
  Address source;
};

/// Findings of one lcore, on their way to a control thread. What finds no room is counted, and
/// comes again: nobody ever waits.
class Findings {
 public:
  static constexpr std::size_t kRing = 1024;

  /// The owner lcore.
  void tell(const Finding& finding) {
    const std::size_t at = __atomic_load_n(&told_, __ATOMIC_RELAXED);
    if (at - __atomic_load_n(&taken_, __ATOMIC_ACQUIRE) == kRing) return lost_.add();
    ring_[at % kRing] = finding;
    __atomic_store_n(&told_, at + 1, __ATOMIC_RELEASE);
  }
  /// One control thread. Returns how many were taken.
  std::size_t take(std::span<Finding> out) {
    const std::size_t at = __atomic_load_n(&taken_, __ATOMIC_RELAXED);
    const std::size_t n = std::min(out.size(), __atomic_load_n(&told_, __ATOMIC_ACQUIRE) - at);
    for (std::size_t i = 0; i < n; ++i) out[i] = ring_[(at + i) % kRing];
    __atomic_store_n(&taken_, at + n, __ATOMIC_RELEASE);
    return n;
  }
  /// Any thread.
  [[nodiscard]] const Counter& lost() const { return lost_; }

 private:
  std::array<Finding, kRing> ring_;
  std::size_t told_ = 0;   ///< lcore: wo; control: ro
  std::size_t taken_ = 0;  ///< control: wo; lcore: ro
  Counter lost_;
};

/// Trials that wait for their hosts. A source has them at one destination at a time: else whoever
/// guesses at many at once would pay for one. Owned by one lcore; fixed memory.
class Trials {
 public:
  static constexpr std::size_t kMost = 64;

  struct Counters {
    Counter begun;
    Counter answered;  ///< the destination is told as found
    Counter refused;   ///< evidence, as are the next ones
    Counter mute;
    Counter abandoned;  ///< by the client, before the host answered
  };

  /// False: no room, or the source waits for another destination.
  bool begin(const Source& source, const Destination& destination) {
    Trial* free = nullptr;
    for (Trial& t : trials_) {
      if (t.open == 0) {
        free = &t;
      } else if (t.source == source) {
        if (!same(t.destination, destination)) return false;
        ++t.open;
        return true;
      }
    }
    if (free == nullptr) return false;
    *free = {source, destination, 1};
    return true;
  }
  void end(const Source& source) {
    for (Trial& t : trials_)
      if (t.open != 0 && t.source == source) {
        --t.open;
        return;
      }
  }

  Counters counters;

 private:
  struct Trial {
    Source source;
    Destination destination;
    std::uint32_t open = 0;
  };
  static bool same(const Destination& a, const Destination& b) {
    return a.address == b.address && a.port == b.port && a.protocol == b.protocol;
  }
  std::array<Trial, kMost> trials_{};
};

}  // namespace mitibox
