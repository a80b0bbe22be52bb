// SPDX-License-Identifier: BSD-3-Clause
/// How facts get from one worker to all others.
#pragma once

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "observe/counters.hpp"
#include "port/facts.hpp"

namespace mitibox {

/// A bounded ring for each worker, into which all others tell. Made and destroyed by the control
/// thread; sink(i).tell() and drain(i) are called by worker i alone.
class FactRings {
 public:
  /// 40 KiB a worker; a thousand hosts that wake at once fit.
  static constexpr unsigned kFacts = 1024;

  /// `name`: prefix of the rings' names, unique in the process. `size`: facts a ring holds before
  /// more are lost, rounded up. Throws std::runtime_error when memory is short.
  FactRings(const std::string& name, unsigned workers, unsigned size = kFacts);

  /// Tells all workers but this one.
  FactSink& sink(unsigned worker) { return *sinks_[worker]; }

  /// What this worker told and another had no room for, once for each such other. Any thread.
  [[nodiscard]] const Counter& lost(unsigned worker) const { return sinks_[worker]->lost; }

  /// Teaches `learner`, a Chain, at most `budget` facts; returns how many. One look at a cache line
  /// when there are none.
  template <typename Learner>
  unsigned drain(unsigned worker, Learner& learner, Now now, unsigned budget) {
    std::array<Fact, 16> facts;
    unsigned done = 0;
    while (done < budget) {
      const unsigned wanted = std::min<unsigned>(budget - done, facts.size());
      const unsigned n = rte_ring_dequeue_burst_elem(rings_[worker].get(), facts.data(),
                                                     sizeof(Fact), wanted, nullptr);
      for (unsigned i = 0; i < n; ++i) learner.learn(facts[i], now);
      done += n;
      if (n < wanted) break;
    }
    return done;
  }

 private:
  struct FreeRing {
    void operator()(rte_ring* ring) const { rte_ring_free(ring); }
  };
  struct Sink : FactSink {
    void tell(const Fact& fact) override;
    std::vector<rte_ring*> others;
    Counter lost;
  };

  std::vector<std::unique_ptr<rte_ring, FreeRing>> rings_;
  std::vector<std::unique_ptr<Sink>> sinks_;
};

}  // namespace mitibox
