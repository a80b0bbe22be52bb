// SPDX-License-Identifier: BSD-3-Clause
#include "observe/event_log.hpp"

#include <fmt/format.h>
#include <rte_lcore.h>

#include <algorithm>
#include <stdexcept>

#include "base/say.hpp"

namespace mitibox {

namespace {

constexpr std::size_t kBatch = 1024;  ///< events of one lcore and round

}  // namespace

EventLog::EventLog(const Policy::Events& events, std::vector<Recorder*> recorders)
    : recorders_(std::move(recorders)) {
  apply(events);
}

EventLog::~EventLog() {
  stop();
}

void EventLog::apply(const Policy::Events& events) {
  const std::lock_guard lock(guard_);
  if (events.file != in_force_.file || events.socket != in_force_.socket) sinks_.clear();
  in_force_ = events;
  types_ = Recorder::Config::of(events, 0).types;
  if (!sinks_.empty()) return;
  if (!events.file.empty()) sinks_.emplace_back(EventSink::Kind::file, events.file);
  if (!events.socket.empty()) sinks_.emplace_back(EventSink::Kind::socket, events.socket);
}

void EventLog::configure(const Policy::Events& events) {
  const std::lock_guard lock(guard_);
  next_ = events;
}

void EventLog::post(EventType type, const nlohmann::ordered_json& members) {
  nlohmann::ordered_json event = event_head(type, std::chrono::system_clock::now());
  event.update(members);
  const std::lock_guard lock(guard_);
  if ((types_ & bit(type)) == 0) return;
  if (posted_.size() == kPosted)
    ++counters_.lost;
  else
    posted_.push_back(std::move(event));
}

std::vector<std::string> EventLog::pump(const Moment& now) {
  std::vector<std::string> remarks;
  std::deque<nlohmann::ordered_json> posted;
  std::optional<Policy::Events> next;
  {
    const std::lock_guard lock(guard_);
    posted.swap(posted_);
    next.swap(next_);
  }
  take(now);
  for (const auto& event : posted) put(event);
  tell_losses(now);
  for (EventSink& sink : sinks_)
    if (std::string remark = sink.flush(now.box); !remark.empty())
      remarks.push_back(std::move(remark));
  if (next) apply(*next);
  return remarks;
}

/// What the lcores have told, in the order in which it happened.
void EventLog::take(const Moment& now) {
  std::size_t taken = 0;
  batch_.resize(kBatch * recorders_.size());
  for (Recorder* recorder : recorders_) taken += recorder->drain({batch_.data() + taken, kBatch});
  std::stable_sort(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(taken),
                   [](const Event& a, const Event& b) { return a.time < b.time; });
  for (std::size_t i = 0; i < taken; ++i) {
    using std::chrono::duration_cast;
    const WallTime when = now.wall - duration_cast<WallTime::duration>(now.box - batch_[i].time);
    put(to_json(batch_[i], when));
  }
}

void EventLog::put(const nlohmann::ordered_json& event) {
  const std::string line = to_line(event);
  for (EventSink& sink : sinks_) ++(sink.put(line) ? counters_.written : counters_.lost);
}

/// Once a second at most, and when there is room for it.
void EventLog::tell_losses(const Moment& now) {
  std::uint64_t lost = counters_.lost;
  for (const Recorder* recorder : recorders_) lost += recorder->counters().lost.get();
  if (lost == told_lost_ || sinks_.empty() || now.box - told_at_ < kTellLosses) return;
  nlohmann::ordered_json event = event_head(EventType::lost, now.wall);
  event["count"] = lost - told_lost_;
  bool told = (types_ & bit(EventType::lost)) == 0;
  for (EventSink& sink : sinks_) told = (!told && sink.put(to_line(event))) || told;
  if (!told) return;
  told_lost_ = lost;
  told_at_ = now.box;
}

void EventLog::start(std::function<Moment()> now, std::function<void()> each_second) {
  now_ = std::move(now);
  each_second_ = std::move(each_second);
  pthread_t thread{};
  const auto body = [](void* self) -> void* {
    static_cast<EventLog*>(self)->run();
    return nullptr;
  };
  // Beside the lcores, whichever of them makes it.
  if (rte_ctrl_thread_create(&thread, "events", nullptr, body, this) != 0)
    throw std::runtime_error("cannot start the thread that writes events");
  thread_ = thread;
}

void EventLog::run() {
  Time second{};
  while (!stopping_.load(std::memory_order_acquire)) {
    const Moment now = now_();
    if (now.box - second >= std::chrono::seconds(1)) {
      second = now.box;
      each_second_();
    }
    for (const std::string& remark : pump(now)) say(remark);
    std::this_thread::sleep_for(kEvery);
  }
}

void EventLog::stop() {
  if (!thread_) return;
  stopping_.store(true, std::memory_order_release);
  pthread_join(*thread_, nullptr);
  thread_.reset();
  // A round for each batch that a full ring can hold.
  for (std::size_t i = 0; i < Recorder::kRing / kBatch; ++i) pump(now_());
}

}  // namespace mitibox
