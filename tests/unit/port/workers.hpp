// SPDX-License-Identifier: BSD-3-Clause
/// Several Lans, one for each worker, that tell each other facts. Worker 0 speaks.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "lan.hpp"

namespace mitibox::test {

class Workers {
 public:
  Workers(const Policy& policy, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) sinks_.push_back(std::make_unique<Sink>(*this, i));
    for (std::size_t i = 0; i < count; ++i)
      lans_.push_back(
          std::make_unique<Lan>(policy, 511, Neighbours::Role{sinks_[i].get(), i == 0}));
  }

  Lan& operator[](std::size_t i) { return *lans_[i]; }
  Lan& speaker() { return *lans_[0]; }
  [[nodiscard]] std::size_t size() const { return lans_.size(); }

  void wait(std::chrono::milliseconds span) {
    for (std::chrono::milliseconds t{0}; t < span; t += Lan::tick_step)
      for (auto& lan : lans_) lan->wait(Lan::tick_step);
  }
  /// Whether all think that a host lives there.
  [[nodiscard]] bool all_live(const Address& a) const {
    return std::all_of(lans_.begin(), lans_.end(),
                       [&](const auto& l) { return l->neighbours().is_live(a, l->now()); });
  }
  [[nodiscard]] bool none_live(const Address& a) const {
    return std::none_of(lans_.begin(), lans_.end(),
                        [&](const auto& l) { return l->neighbours().is_live(a, l->now()); });
  }

  struct Told {
    std::size_t by;
    Fact fact;
  };
  std::vector<Told> told;
  /// While true, facts get lost.
  bool lossy = false;

 private:
  class Sink : public FactSink {
   public:
    Sink(Workers& workers, std::size_t self) : workers_(workers), self_(self) {}
    void tell(const Fact& fact) override {
      workers_.told.push_back({self_, fact});
      if (workers_.lossy) return;
      for (std::size_t i = 0; i < workers_.size(); ++i)
        if (i != self_) workers_[i].neighbours().learn(fact, workers_[i].now());
    }

   private:
    Workers& workers_;
    std::size_t self_;
  };

  std::vector<std::unique_ptr<Sink>> sinks_;
  std::vector<std::unique_ptr<Lan>> lans_;
};

}  // namespace mitibox::test
