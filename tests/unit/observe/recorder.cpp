// SPDX-License-Identifier: BSD-3-Clause
#include "observe/recorder.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace mitibox;

namespace {

constexpr std::uint32_t kRate = 5;

struct Bench {
  explicit Bench(EventTypes types = ~EventTypes{0}) : recorder(name(), {types, kRate, 3}) {}
  static std::string name() {
    static int number = 0;
    return "recorder" + std::to_string(number++);
  }
  /// Packets dropped for this reason in one burst; counted as the chain does.
  void burst(Reason why, std::size_t count) {
    std::vector<Packet> packets(count);
    for (Packet& p : packets) p.drop(why);
    recorder.ended(packets, all, now);
    all[index(why)].add(count);
  }
  std::vector<Event> drain() {
    std::vector<Event> events(Recorder::kRing);
    events.resize(recorder.drain(events));
    return events;
  }
  void later(std::chrono::milliseconds ms) { now = Now(now.time + ms); }

  Recorder recorder;
  std::array<Counter, kReasons.size()> all;
  Now now{std::chrono::hours(1)};
};

}  // namespace

TEST_CASE("recorder: so many of a kind a second, the next one says how many were not told",
          "[observe]") {
  Bench b;
  for (std::uint32_t i = 0; i < kRate + 7; ++i)
    b.recorder.note(EventType::host_mute, b.now, [](Event&) {});
  b.recorder.note(EventType::host_refused, b.now, [](Event&) {});  // another kind
  auto all = b.drain();
  REQUIRE(all.size() == kRate + 1);
  CHECK(all.front().suppressed == 0);
  CHECK(all.front().worker == 3);
  CHECK(all.front().time == b.now.time);
  CHECK(all.back().type == EventType::host_refused);
  b.later(std::chrono::milliseconds(999));
  b.recorder.note(EventType::host_mute, b.now, [](Event&) {});
  CHECK(b.drain().empty());
  b.later(std::chrono::milliseconds(1));
  b.recorder.note(EventType::host_mute, b.now, [](Event&) {});
  all = b.drain();
  REQUIRE(all.size() == 1);
  CHECK(all[0].suppressed == 8);
  CHECK(b.recorder.counters().suppressed.get() == 8);
  CHECK(b.recorder.counters().recorded.get() == kRate + 2);
}

TEST_CASE("recorder: what an event lost for want of room had to say the next one says",
          "[observe]") {
  Bench b;
  for (std::uint32_t i = 0; i < kRate + 7; ++i)
    b.recorder.note(EventType::host_mute, b.now, [](Event&) {});
  while (b.recorder.counters().lost.get() == 0) {
    b.later(std::chrono::milliseconds(1000));
    for (std::uint32_t i = 0; i < kRate; ++i)
      b.recorder.note(EventType::host_refused, b.now, [](Event&) {});
  }
  b.recorder.note(EventType::host_mute, b.now, [](Event&) {});  // the ring is full
  b.drain();
  b.recorder.note(EventType::host_mute, b.now, [](Event&) {});
  const auto all = b.drain();
  REQUIRE(all.size() == 1);
  CHECK(all[0].suppressed == 7);
}

TEST_CASE("recorder: of each reason for drops as many, and every drop is accounted for",
          "[observe]") {
  Bench b;
  for (int i = 0; i < 100; ++i) {
    b.burst(Reason::coin, 32);
    b.later(std::chrono::milliseconds(1));
  }
  b.burst(Reason::tcp_window, 1);  // may be passed over in a flood
  auto all = b.drain();
  REQUIRE(all.size() >= kRate);
  for (std::uint32_t i = 0; i < kRate; ++i) {
    CHECK(all[i].reason == Reason::coin);
    CHECK(all[i].suppressed == 0);
  }
  b.later(std::chrono::milliseconds(1000));
  b.burst(Reason::coin, 1);
  all = b.drain();
  REQUIRE(all.size() == 1);
  CHECK(all[0].suppressed == 3200 - kRate);
  b.burst(Reason::tcp_window, 1);
  all = b.drain();
  REQUIRE(all.size() == 1);
  CHECK(all[0].reason == Reason::tcp_window);
  CHECK(all[0].suppressed <= 1);
}

TEST_CASE("recorder: a quiet reason is seen beside a loud one", "[observe]") {
  Bench b;
  for (int i = 0; i < 64; ++i) {
    b.burst(Reason::coin, 31);
    b.burst(Reason::tcp_window, 1);
  }
  std::size_t told = 0;
  for (const Event& e : b.drain()) told += e.reason == Reason::tcp_window ? 1 : 0;
  CHECK(told == kRate);
}

TEST_CASE("recorder: a full ring loses events, counts them, and goes on", "[observe]") {
  Bench b;
  std::size_t noted = 0;
  while (noted < Recorder::kRing + 10) {
    for (std::uint32_t i = 0; i < kRate; ++i, ++noted)
      b.recorder.note(EventType::evidence, b.now, [](Event&) {});
    b.later(std::chrono::seconds(1));
  }
  CHECK(b.recorder.counters().lost.get() == noted - Recorder::kRing);
  CHECK(b.drain().size() == Recorder::kRing);
  b.recorder.note(EventType::evidence, b.now, [](Event&) {});
  CHECK(b.drain().size() == 1);
}

TEST_CASE("recorder: only what is selected, and another selection at any time", "[observe]") {
  Bench b(bit(EventType::host_mute));
  CHECK(b.recorder.on());
  b.recorder.note(EventType::host_refused, b.now, [](Event&) {});
  b.burst(Reason::coin, 3);
  CHECK(b.drain().empty());
  b.recorder.configure(bit(EventType::drop), 2, b.all);
  b.recorder.note(EventType::host_mute, b.now, [](Event&) {});
  b.burst(Reason::coin, 3);
  const auto all = b.drain();
  REQUIRE(all.size() == 2);
  CHECK(all[0].suppressed == 0);  // those before it nobody had asked for
  b.recorder.configure(0, 2, b.all);
  CHECK_FALSE(b.recorder.on());
}

TEST_CASE("recorder: whoever writes nowhere records nothing", "[observe]") {
  Policy::Events events;
  CHECK(Recorder::Config::of(events, 1).types == 0);
  events.file = "/x";
  CHECK(Recorder::Config::of(events, 1).types == kDefaultEvents);
  events.types = bit(EventType::drop);
  CHECK(Recorder::Config::of(events, 1).types == bit(EventType::drop));
  CHECK(Recorder::Config::of(events, 1).worker == 1);
}
