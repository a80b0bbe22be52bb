// SPDX-License-Identifier: BSD-3-Clause
/// How the control plane asks an lcore about what it owns without touching it.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "base/time.hpp"

namespace mitibox {

class Chain;

/// A piece of work on what one lcore owns. Made, and read afterwards, by a control thread; what
/// serve() needs room for is there before it is asked.
class Errand {
 public:
  Errand() = default;
  virtual ~Errand() = default;
  Errand(const Errand&) = delete;
  Errand& operator=(const Errand&) = delete;

  /// On the owner lcore, between two bursts, which wait for it: some ten microseconds at most. What
  /// takes longer keeps a cursor and is asked again. As the data path: no heap, locks, logs,
  /// throws.
  virtual void serve(Chain& chain, Now now) = 0;
};

/// One errand at a time. Control threads: ask(). The owner lcore: poll(), once a poll, an ordinary
/// load when nobody asks.
class Mailbox {
 public:
  /// Blocks until the owner has served it; false when it was not within `patience` (the lcore
  /// stands still, or those who came before take all of its time), and then never is.
  bool ask(Errand& errand, std::chrono::milliseconds patience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    const std::unique_lock one_asker(mutex_, end);
    if (!one_asker) return false;
    errand_ = &errand;
    state_.store(State::asked, std::memory_order_release);
    while (state_.load(std::memory_order_acquire) != State::served) {
      State asked = State::asked;
      if (std::chrono::steady_clock::now() > end &&
          state_.compare_exchange_strong(asked, State::idle, std::memory_order_acq_rel))
        return false;
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    state_.store(State::idle, std::memory_order_relaxed);
    return true;
  }

  void poll(Chain& chain, Now now) {
    if (state_.load(std::memory_order_relaxed) != State::asked) return;
    State asked = State::asked;
    if (!state_.compare_exchange_strong(asked, State::serving, std::memory_order_acq_rel)) return;
    errand_->serve(chain, now);
    state_.store(State::served, std::memory_order_release);
  }

 private:
  enum class State : std::uint8_t { idle, asked, serving, served };
  std::timed_mutex mutex_;  ///< among control threads; the lcore never takes it
  std::atomic<State> state_{State::idle};
  Errand* errand_ = nullptr;  ///< control: wo while idle; lcore: ro while serving
};

}  // namespace mitibox
