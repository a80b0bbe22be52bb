// SPDX-License-Identifier: BSD-3-Clause
// What it costs a burst to be told of, beside what becomes of it.
#include "observe/observer.hpp"

#include "../micro.hpp"

using namespace mitibox;
using namespace mitibox::bench;

namespace {

constexpr Time kPace = std::chrono::nanoseconds(2150);  ///< of a burst at 14.88 Mpps

/// A burst as the chain shows it.
std::uint64_t record(Observer& o, std::span<const Packet> burst,
                     std::array<Counter, kReasons.size()>& ended) {
  o.now = Now(o.now.time + kPace);
  o.recorder.ended(burst, ended, o.now);
  ended[index(burst[0].reason)].add(burst.size());
  return o.recorder.counters().recorded.get();
}

std::uint64_t count(Observer& o, std::span<const Packet> burst) {
  o.now = Now(o.now.time + kPace);
  o.sampler.take(kBurst, o.now, [&](std::uint32_t which, std::uint32_t weight) {
    const Destination target = burst[which].target();
    o.sources.add({burst[which].source()}, weight, o.now);
    o.destinations.add({target.address, target.port, target.protocol}, weight, o.now);
  });
  return o.sources.rows()[0].count;
}

}  // namespace

TEST_CASE("Observer") {
  Policy::Events events;
  events.file = "/nowhere";
  Observer observer("micro", {1, 2}, Recorder::Config::of(events, 0));
  observer.now = Now(std::chrono::hours(1));
  std::array<Counter, kReasons.size()> ended;
  std::vector<Packet> packets = syns(8192);
  const auto burst = [&](int i) {
    const std::size_t at = static_cast<std::size_t>(i) * kBurst % packets.size();
    return std::span<const Packet>(packets).subspan(at, kBurst);
  };
  for (Packet& p : packets) p.forward();
  BENCHMARK("events, all is forwarded x32", i) {
    return record(observer, burst(i), ended);
  };
  for (Packet& p : packets) p.drop(Reason::coin);
  BENCHMARK("events, all is dropped x32", i) {
    return record(observer, burst(i), ended);
  };
  BENCHMARK("heavy hitters, all are probes x32", i) {
    return count(observer, burst(i));
  };
}
