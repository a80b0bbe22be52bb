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
  try {
    stop();
  } catch (...) {  // memory: what was not written yet is lost
  }
}

void EventLog::apply(const Policy::Events& events) {
  const std::lock_guard lock(guard_);
  types_ = Recorder::Config::of(events, 0).types;
  direct(outputs_[0], events.file);
  direct(outputs_[1], events.socket);
}

/// Elsewhere, or nowhere. What waited for the former place is lost, and told at the next.
void EventLog::direct(Output& output, const std::string& path) {
  if (path == output.path) return;
  if (output.sink) {
    output.sink->abandon();
    account(output);
    output.sink.reset();
  } else {
    output.told = output.lost;
    output.told_of_all = lost_by_all();
  }
  output.seen = 0;
  output.path = path;
  if (!path.empty()) output.sink.emplace(output.kind, path);
}

/// Of lines that the sink had taken.
void EventLog::account(Output& output) {
  const std::uint64_t lost = output.sink->lost() - output.seen;
  output.seen += lost;
  output.lost += lost;
  counters_.lost += lost;
  counters_.written -= lost;
}

std::uint64_t EventLog::lost_by_all() const {
  std::uint64_t lost = posted_lost_;
  for (const Recorder* recorder : recorders_) lost += recorder->counters().lost.get();
  return lost;
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
  if (posted_.size() < kPosted) return posted_.push_back(std::move(event));
  ++posted_lost_;
  ++counters_.lost;
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
  for (Output& o : outputs_) {
    if (!o.sink) continue;
    tell_losses(o, now);
    if (std::string remark = o.sink->flush(now.box); !remark.empty())
      remarks.push_back(std::move(remark));
    account(o);
  }
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
  for (Output& o : outputs_) {
    if (!o.sink) continue;
    const bool taken = o.sink->put(line);
    ++(taken ? counters_.written : counters_.lost);
    if (!taken) ++o.lost;
  }
}

/// To each what it lacks; once a second at most, and when there is room for it.
void EventLog::tell_losses(Output& o, const Moment& now) {
  const std::uint64_t of_all = lost_by_all();
  const std::uint64_t untold = o.lost - o.told + of_all - o.told_of_all;
  if (untold == 0 || now.box - o.told_at < kTellLosses) return;
  nlohmann::ordered_json event = event_head(EventType::lost, now.wall);
  event["count"] = untold;
  if ((types_ & bit(EventType::lost)) != 0 && !o.sink->put(to_line(event))) return;
  o.told = o.lost;
  o.told_of_all = of_all;
  o.told_at = now.box;
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
  apply({});
}

}  // namespace mitibox
