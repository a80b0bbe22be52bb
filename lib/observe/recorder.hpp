// SPDX-License-Identifier: BSD-3-Clause
/// The events of one lcore, on their way to the control plane.
#pragma once

#include <rte_ring.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/time.hpp"
#include "observe/counters.hpp"
#include "observe/event.hpp"
#include "policy/policy.hpp"

namespace mitibox {

/// Of each kind, and of each reason for drops, so many a second are told; the others are counted,
/// and the next one says how many. A full ring loses events, counted too: nobody ever waits.
/// Made by the control plane; but for drain() and the counters only from the owner lcore.
class Recorder {
 public:
  static constexpr unsigned kRing = 4096;  ///< events

  struct Config {
    EventTypes types = 0;  ///< 0: none
    std::uint32_t rate = 0;
    std::uint8_t worker = 0;

    /// `types` is 0 when events are written nowhere.
    static Config of(const Policy::Events& events, unsigned worker) {
      return {events.written() ? events.types.value_or(kDefaultEvents) : 0U, events.rate,
              static_cast<std::uint8_t>(worker)};
    }
  };

  struct Counters {
    Counter recorded;
    Counter suppressed;  ///< over the rate
    Counter lost;        ///< the ring was full
  };

  /// `name`: of the ring, unique in the process. Throws std::runtime_error when memory is short.
  Recorder(const std::string& name, Config config);

  /// `all`: as of ended().
  void configure(EventTypes types, std::uint32_t rate, std::span<const Counter> all);
  [[nodiscard]] bool on() const { return config_.types != 0; }

  /// Whether admits() would let one through.
  [[nodiscard]] bool ready(EventType type, Now now) const {
    return (config_.types & bit(type)) != 0 &&
           (left_[index(type)] != 0 || now.tick - second_ >= kSecond);
  }
  /// Whether one of this kind is to be told now; counted as suppressed when it is over the rate.
  bool admits(EventType type, Now now) {
    if ((config_.types & bit(type)) == 0) return false;
    begin_second(now);
    if (left_[index(type)] == 0) {
      ++suppressed_[index(type)];
      counters_.suppressed.add();
      return false;
    }
    --left_[index(type)];
    return true;
  }
  /// Tells one that admits() has let through. `fill(event)` finds kind, time and worker set.
  template <typename Fill>
  void tell(EventType type, Now now, Fill fill) {
    if ((config_.types & bit(type)) == 0) return;
    Event e;
    e.time = now.time;
    e.type = type;
    e.worker = config_.worker;
    e.suppressed = std::exchange(suppressed_[index(type)], 0);
    fill(e);
    // The next that finds room says so instead; of drops each says it for its own reason alone.
    if (!push(e) && type != EventType::drop) suppressed_[index(type)] = e.suppressed;
  }
  template <typename Fill>
  void note(EventType type, Now now, Fill fill) {
    if (admits(type, now)) tell(type, now, fill);
  }

  /// A burst whose packets have their verdicts; `all`: of kReasons, what has ended under them
  /// before this burst. In a flood it does not look at each: what it passes over is counted as
  /// suppressed like the rest.
  void ended(std::span<const Packet> burst, std::span<const Counter> all, Now now);

  /// Takes events; returns how many. One control thread.
  std::size_t drain(std::span<Event> events);
  /// Any thread.
  [[nodiscard]] const Counters& counters() const { return counters_; }

  static std::size_t memory_bytes() { return kRing * sizeof(Event) + 4096; }

 private:
  static constexpr std::uint32_t kSecond = 1000;  ///< ms
  /// Bursts passed over after one that gave nothing to tell. With the one that is looked at an odd
  /// number: the ports take turns.
  static constexpr unsigned kSkipMost = 6;

  void begin_second(Now now) {
    if (now.tick - second_ >= kSecond) [[unlikely]]
      refill(now);
  }
  void refill(Now now);
  void drop(const Packet& p, std::uint64_t before, Now now);
  bool push(const Event& event);

  struct FreeRing {
    void operator()(rte_ring* ring) const { rte_ring_free(ring); }
  };

  std::unique_ptr<rte_ring, FreeRing> ring_;
  Config config_;
  Tick second_ = 0;
  std::array<std::uint32_t, kEvents.size()> left_{};
  std::array<std::uint32_t, kEvents.size()> suppressed_{};
  std::array<std::uint32_t, kReasons.size()> reasons_left_{};
  std::array<std::uint64_t, kReasons.size()> accounted_{};  ///< told, or counted as suppressed
  unsigned skip_ = 0;
  unsigned skip_next_ = 0;
  Counters counters_;
};

}  // namespace mitibox
