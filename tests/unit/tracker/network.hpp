// SPDX-License-Identifier: BSD-3-Clause
/// Two TCP ends, the Tracker between them, and links that lose, repeat and reorder.
#pragma once

#include <functional>
#include <map>
#include <queue>
#include <random>
#include <string>

#include "endpoint.hpp"

namespace mitibox::test {

struct Links {
  double loss = 0;
  double repeat = 0;
  std::chrono::milliseconds delay{5};
  std::chrono::milliseconds jitter{0};  ///< uniform, on top of `delay`
};

class Network {
 public:
  using Filter = std::function<bool(const Segment&, bool behind_box)>;

  Network(const Endpoint::Config& outside, const Endpoint::Config& inside, const Links& links,
          unsigned seed, const Policy& policy = Bench::quiet())
      : bench(64, policy),
        ends{Endpoint(outside), Endpoint(inside)},
        links_(links),
        random_(seed) {}

  Endpoint& end(Side side) { return ends[index(side)]; }

  /// Runs until `done`, at most for `limit`; whether it was done.
  bool run(const std::function<bool()>& done, std::chrono::milliseconds limit);

  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] std::uint64_t dropped(const std::string& why) const {
    const auto at = verdicts.find(why);
    return at == verdicts.end() ? 0 : at->second;
  }

  Bench bench;
  std::array<Endpoint, kSides> ends;
  std::map<std::string, std::uint64_t> verdicts;  ///< of the box
  std::uint64_t needed = 0;  ///< dropped as outside the window, though news to their receiver
  /// Also loses what it returns true for, before or behind the box.
  Filter lose;

 private:
  struct Event {
    Time at;
    std::uint64_t order;
    Segment segment;
    bool behind_box;
    bool operator<(const Event& o) const { return at != o.at ? at > o.at : order > o.order; }
  };
  void put(const Segment& s, bool behind_box);
  void box(const Segment& s);
  void collect();

  Links links_;
  std::mt19937 random_;
  std::priority_queue<Event> events_;
  std::uint64_t order_ = 0;
  Time now_{};
};

}  // namespace mitibox::test
