// SPDX-License-Identifier: BSD-3-Clause
/// How the control plane asks an lcore about its tables without touching them.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

#include "base/time.hpp"
#include "packet/address.hpp"
#include "trust/trust.hpp"

namespace mitibox {

/// One question at a time. Control threads: ask(). The owner lcore: poll(), once a poll, an
/// ordinary load when nobody asks.
class Mailbox {
 public:
  struct Answer {
    TrustLevel level;
    Time now;
  };

  /// Blocks until the owner has answered, or `patience` is over (the lcore stands still).
  std::optional<Answer> ask(const Address& source, std::chrono::milliseconds patience) {
    const std::lock_guard one_asker(mutex_);
    // An answer that came too late for the one who asked is nobody's.
    if (state_.load(std::memory_order_acquire) == State::answered) state_ = State::idle;
    if (state_.load(std::memory_order_acquire) != State::idle) return std::nullopt;
    question_ = source;
    state_.store(State::asked, std::memory_order_release);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (state_.load(std::memory_order_acquire) != State::answered) {
      if (std::chrono::steady_clock::now() > end) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    const Answer answer = answer_;
    state_.store(State::idle, std::memory_order_release);
    return answer;
  }

  void poll(const Trust& trust, Now now) {
    if (state_.load(std::memory_order_acquire) != State::asked) return;
    answer_ = {trust.level(question_, now.time), now.time};
    state_.store(State::answered, std::memory_order_release);
  }

 private:
  enum class State : std::uint8_t { idle, asked, answered };
  std::mutex mutex_;  ///< among control threads; the lcore never takes it
  std::atomic<State> state_{State::idle};
  Address question_;  ///< control: wo while idle; lcore: ro while asked
  Answer answer_{};   ///< lcore: wo while asked; control: ro while answered
};

}  // namespace mitibox
