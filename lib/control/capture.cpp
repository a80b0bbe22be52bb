// SPDX-License-Identifier: BSD-3-Clause
// capture: frames that end for a reason, or of an address, into a pcapng file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "control/arguments.hpp"
#include "control/errands.hpp"
#include "observe/pcapng.hpp"

namespace mitibox {

RunCommand run_capture;

namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::uint64_t kUsualPackets = 1000;
constexpr std::uint64_t kMostPackets = 1'000'000;
constexpr std::chrono::seconds kUsualTime{60};
constexpr std::chrono::seconds kMostTime{3600};
constexpr std::uint64_t kMostBytes = 256U << 20U;  ///< of a file
constexpr std::uint64_t kUsualBytes = 256;         ///< of a frame
constexpr auto kEvery = std::chrono::milliseconds(5);

Capture::Filter filter_of(const Arguments& arguments) {
  Capture::Filter filter;
  filter.bytes = static_cast<std::uint16_t>(
      arguments.optional_number("bytes", {Capture::kLeastBytes, Capture::kMostBytes})
          .value_or(kUsualBytes));
  const std::string what = arguments.text("what");
  filter.address = parse_address(what);
  if (filter.address) return filter;
  const auto* const row = std::find_if(kReasons.begin(), kReasons.end(),
                                       [&](const ReasonRow& r) { return r.name == what; });
  if (row == kReasons.end())
    throw ControlError("what: expected an address, or a reason as `stats` names it (with dashes)");
  filter.reason = static_cast<Reason>(row - kReasons.begin());
  return filter;
}

std::string comment_of(const Capture::Frame& f) {
  if (f.what == Capture::What::forwarded) return "forwarded";
  if (f.what == Capture::What::made) return "made by the box";
  return fmt::format("{}: {}", row(f.reason).kind == ReasonKind::drop ? "dropped" : "ended here",
                     row(f.reason).name);
}

/// Every worker captures while this lives.
class Running {
 public:
  Running(Box& box, const Capture::Filter& filter) : box_(box) {
    try {
      for (unsigned w = 0; w < box.workers(); ++w) {
        SetCapture start(filter);
        box.ask(w, start);
        if (start.capture == nullptr) throw ControlError("this box does not capture");
        taps_.push_back(
            {start.capture, start.asked_at, system_clock::now(), start.capture->lost()});
      }
    } catch (...) {
      stop();
      throw;
    }
  }
  ~Running() { stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  /// Those that stand still go on until they wake up and are asked again; their ring is bounded.
  void stop() noexcept {
    for (unsigned w = 0; w < taps_.size(); ++w) {
      if (taps_[w].stopped) continue;
      try {
        SetCapture end(std::nullopt);
        box_.ask(w, end);
        taps_[w].stopped = true;
      } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
      }
    }
  }

  /// Writes what there is, up to `most` packets in all.
  void take(PcapngFile& file, std::uint64_t most) {
    for (const Tap& tap : taps_)
      for (const Capture::Frame* f = nullptr;
           packets < most && file.size() < kMostBytes && (f = tap.capture->front()) != nullptr;
           tap.capture->pop()) {
        if (f->time < tap.since) continue;  // of an earlier capture
        const auto when =
            (tap.wall + std::chrono::duration_cast<system_clock::duration>(f->time - tap.since))
                .time_since_epoch();
        file.write({.interface = static_cast<std::uint32_t>(index(f->port)),
                    .ns = static_cast<std::uint64_t>(
                        std::chrono::duration_cast<std::chrono::nanoseconds>(when).count()),
                    .bytes = {f->bytes.data(), f->captured},
                    .length = f->length,
                    .outbound = f->what != Capture::What::ended,
                    .comment = comment_of(*f)});
        ++packets;
      }
  }
  [[nodiscard]] std::uint64_t lost() const {
    std::uint64_t sum = 0;
    for (const Tap& tap : taps_) sum += tap.capture->lost() - tap.lost_before;
    return sum;
  }

  std::uint64_t packets = 0;

 private:
  struct Tap {
    Capture* capture;
    Time since;  ///< the box's time at `wall`
    system_clock::time_point wall;
    std::uint64_t lost_before;
    bool stopped = false;
  };
  Box& box_;
  std::vector<Tap> taps_;
};

}  // namespace

Json run_capture(Box& box, const Json& given, const Emit& emit) {
  const Arguments arguments(given, {"what", "file", "packets", "for", "bytes"});
  const Capture::Filter filter = filter_of(arguments);
  const std::string path = arguments.text("file");
  if (path.empty() || path.front() != '/') throw ControlError("file: expected an absolute path");
  const auto most = arguments.optional_number("packets", {1, kMostPackets}).value_or(kUsualPackets);
  const auto span = arguments.optional_duration("for").value_or(kUsualTime);
  if (span > kMostTime) throw ControlError("for: expected at most 1h");
  static std::mutex one_at_a_time;
  const std::unique_lock lock(one_at_a_time, std::try_to_lock);
  if (!lock.owns_lock()) throw ControlError("another capture is under way");
  try {
    constexpr std::array<std::string_view, kSides> kPorts{"outside", "inside"};
    PcapngFile file(path, kPorts);
    Running running(box, filter);
    const auto begin = steady_clock::now();
    auto told = begin;
    for (bool over = false; !over;) {
      const auto now = steady_clock::now();
      over = now - begin >= span;
      running.take(file, most);
      over = over || running.packets >= most || file.size() >= kMostBytes;
      if (now - told >= std::chrono::seconds(1)) {
        told = now;
        emit({{"packets", running.packets}, {"lost", running.lost()}});
      }
      if (!over) std::this_thread::sleep_for(kEvery);
    }
    running.stop();
    running.take(file, most);
    return {{"file", path},
            {"packets", running.packets},
            {"bytes", file.size()},
            {"lost", running.lost()}};
  } catch (const ControlError&) {
    throw;
  } catch (const std::runtime_error& e) {
    throw ControlError(e.what());
  }
}

}  // namespace mitibox
