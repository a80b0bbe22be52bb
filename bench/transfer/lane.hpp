// SPDX-License-Identifier: BSD-3-Clause
#pragma once
#include <net/if.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace mitibox::relay {

using Clock = std::chrono::steady_clock;

/// What a lane does to frames.
struct Conditions {
  std::chrono::nanoseconds delay{0};
  std::chrono::nanoseconds jitter{0};  ///< Up to so much longer, uniformly; the order is kept.
  double loss = 0;                     ///< Share of frames that vanish, each by a coin of its own.
  std::uint32_t slots = 16384;         ///< Frames that may wait; what comes beyond them is lost.
};

/// An AF_PACKET socket that sends and receives whole frames on one interface.
class Interface {
 public:
  /// Throws std::system_error when there is no such interface, or no permission.
  explicit Interface(std::string name);
  ~Interface();
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;

  [[nodiscard]] int socket() const { return socket_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  int socket_;
};

/// One direction of the relay: a bounded queue of frames, released in order when their time comes.
class Lane {
 public:
  Lane(const Interface& from, const Interface& to, const Conditions& conditions,
       std::uint64_t seed);

  /// Takes what has arrived, a batch at most, and sends what is due.
  void work();
  /// When there is something to do without an arrival; nothing: the queue is empty.
  [[nodiscard]] std::optional<Clock::time_point> next() const;
  /// One line of JSON: what became of the frames.
  [[nodiscard]] std::string report() const;

 private:
  static constexpr std::uint32_t kFrame = 2048;  ///< Longest frame, bytes.
  static constexpr std::uint32_t kBatch = 64;

  struct Held {
    Clock::time_point due;
    std::uint32_t size;  ///< 0: lost.
  };

  void take();
  void release();
  [[nodiscard]] std::uint8_t* frame(std::uint64_t number) {
    return frames_.data() + number % conditions_.slots * kFrame;
  }

  const Interface& from_;
  const Interface& to_;
  Conditions conditions_;
  std::mt19937_64 dice_;
  std::vector<std::uint8_t> frames_;  ///< A slot more than may wait, for what is thrown away.
  std::vector<Held> held_;
  std::uint64_t head_ = 0, tail_ = 0;  ///< Numbers of the oldest frame and of the next one.
  Clock::time_point last_due_{}, retry_{};
  std::uint64_t forwarded_ = 0, lost_ = 0, full_ = 0, oversized_ = 0, refused_ = 0;
};

}  // namespace mitibox::relay
