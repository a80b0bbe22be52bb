// SPDX-License-Identifier: BSD-3-Clause
/// Copies of frames for an operator who looks into something.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/time.hpp"
#include "observe/counters.hpp"
#include "packet/packet.hpp"
#include "probability/fixed_array.hpp"

namespace mitibox {

/// One lcore copies the first bytes of what matches into a bounded ring; one control thread takes
/// them. Off, it costs a comparison a burst.
class Capture {
 public:
  static constexpr std::size_t kSlots = 256;
  static constexpr std::uint16_t kMostBytes = 1518;  ///< of a frame
  static constexpr std::uint16_t kLeastBytes = 64;

  /// What ends under this reason, or whatever comes from or goes to this address: frames that end
  /// in the box as they stood then, and those that leave it as they leave.
  struct Filter {
    std::optional<Reason> reason;
    std::optional<Address> address;
    std::uint16_t bytes = kMostBytes;
  };
  enum class What : std::uint8_t { ended, forwarded, made };
  struct Frame {
    Time time{};
    std::uint32_t length = 0;    ///< of the whole frame
    std::uint16_t captured = 0;  ///< bytes that are here
    Side port{};                 ///< by which it came in (ended), or leaves
    What what{};
    Reason reason{};  ///< of what has ended
    std::array<std::uint8_t, kMostBytes> bytes;
  };

  /// `name`: of its memory, unique in the process. Throws std::runtime_error when it is short.
  explicit Capture(const std::string& name);

  // On the owner lcore.
  void start(const Filter& filter) {
    filter_ = filter;
    on_ = true;
  }
  void stop() { on_ = false; }
  [[nodiscard]] bool on() const { return on_; }
  /// A burst whose packets have their verdicts, before its frames are gone.
  void ended(std::span<const Packet> burst, Now now);
  /// Frames on their way out of a port.
  void leaves(Side to, What what, rte_mbuf* frame, Now now);

  // A control thread.
  /// The oldest that was not taken; nullptr when there is none. Good until pop().
  [[nodiscard]] const Frame* front() const {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    return tail == head_.load(std::memory_order_acquire) ? nullptr : &slots_[tail % kSlots];
  }
  void pop() { tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  /// Matched while the ring was full. Any thread.
  [[nodiscard]] std::uint64_t lost() const { return lost_.get(); }

  static std::size_t memory_bytes() { return kSlots * sizeof(Frame) + 192; }

 private:
  [[nodiscard]] bool matches(const Packet& p) const {
    if (p.family == Family::none) return false;
    return p.source() == *filter_.address || p.destination() == *filter_.address;
  }
  struct Note {
    Side port;
    What what;
    Reason reason;
  };
  void copy(const rte_mbuf* frame, const Note& note, Now now);

  // Of the owner lcore.
  bool on_ = false;
  Filter filter_;
  FixedArray<Frame> slots_;
  alignas(64) std::atomic<std::uint32_t> head_{0};  ///< written by the lcore
  alignas(64) std::atomic<std::uint32_t> tail_{0};  ///< written by the control thread
  Counter lost_;
};

}  // namespace mitibox
