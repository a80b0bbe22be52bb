// SPDX-License-Identifier: BSD-3-Clause
/// The events of the whole box: taken from the lcores, written as lines of JSON.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "observe/event_sink.hpp"
#include "observe/event_text.hpp"
#include "observe/recorder.hpp"
#include "policy/policy.hpp"

namespace mitibox {

class EventLog {
 public:
  /// One instant on both clocks.
  struct Moment {
    Time box{};
    WallTime wall;
  };
  struct Counters {
    std::atomic<std::uint64_t> written{0};  ///< lines given to the file, and to the socket
    std::atomic<std::uint64_t> lost{0};     ///< posted in vain, or not written to one of these
  };

  /// `recorders` must outlive it, one for each worker. Where nothing is to be written it does
  /// nothing.
  EventLog(const Policy::Events& events, std::vector<Recorder*> recorders);
  ~EventLog();  ///< as stop()
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  /// An event of the control plane's own, with members beside timestamp and event_type. Any thread;
  /// never waits for a disk.
  void post(EventType type,
            const nlohmann::ordered_json& members = nlohmann::ordered_json::object());

  /// Takes what there is and writes what it can; what to tell the operator, a line each. By one
  /// thread: that of start(), or a test.
  std::vector<std::string> pump(const Moment& now);

  /// Pumps in a thread of its own, beside the lcores, until stop(). `now`: what time it is.
  /// `each_second` is called from it.
  void start(std::function<Moment()> now, std::function<void()> each_second);
  /// Writes the last ones.
  void stop();

  /// Another policy is in force; the recorders are told by the errand SetEvents. Any thread.
  void configure(const Policy::Events& events);

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  static constexpr std::size_t kPosted = 1024;  ///< that wait for the thread
  static constexpr auto kEvery = std::chrono::milliseconds(50);
  static constexpr Time kTellLosses = std::chrono::seconds(1);

  /// The file or the socket, and what was lost on the way to it.
  struct Output {
    explicit Output(EventSink::Kind k) : kind(k) {}

    EventSink::Kind kind;
    std::string path;  ///< empty: there is none
    std::optional<EventSink> sink;
    std::uint64_t lost = 0;         ///< lines meant for it, also under its former paths
    std::uint64_t told = 0;         ///< of these
    std::uint64_t told_of_all = 0;  ///< of what was lost before it could be given to any
    std::uint64_t seen = 0;         ///< of sink->lost()
    Time told_at{};
  };

  void apply(const Policy::Events& events);
  void direct(Output& output, const std::string& path);
  void account(Output& output);
  [[nodiscard]] std::uint64_t lost_by_all() const;
  void tell_losses(Output& output, const Moment& now);
  void take(const Moment& now);
  void put(const nlohmann::ordered_json& event);
  void run();

  std::vector<Recorder*> recorders_;
  std::vector<Event> batch_;
  std::mutex guard_;  ///< of what follows; the lcores never take it
  std::deque<nlohmann::ordered_json> posted_;
  std::optional<Policy::Events> next_;
  EventTypes types_ = 0;  ///< written by the pumping thread

  std::array<Output, 2> outputs_{Output(EventSink::Kind::file), Output(EventSink::Kind::socket)};
  Counters counters_;
  std::atomic<std::uint64_t> posted_lost_{0};

  std::function<Moment()> now_;
  std::function<void()> each_second_;
  std::atomic<bool> stopping_{false};
  std::optional<pthread_t> thread_;
};

}  // namespace mitibox
