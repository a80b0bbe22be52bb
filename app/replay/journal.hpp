// SPDX-License-Identifier: BSD-3-Clause
/// Reads the chain's counters frame by frame: which flow and which source met which end.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "chain/reasons.hpp"
#include "frame_view.hpp"
#include "observe/counters.hpp"
#include "policy/policy.hpp"

namespace mitibox::replay {

/// What became of the opening of a flow.
enum class Fate : std::uint8_t {
  unknown,   ///< none was seen
  passed,    ///< reached its host
  dropped,   ///< by the coin
  diverted,  ///< to Reply
  refused,   ///< under any other reason
};

struct Attempts {
  std::uint64_t total = 0;
  std::uint64_t passed = 0;    ///< reached the host at once
  std::uint64_t delayed = 0;   ///< dropped by the coin at first: a genuine client repeats
  std::uint64_t repeated = 0;  ///< of those, repeated in the capture and then let on
  std::uint64_t diverted = 0;
  std::uint64_t refused = 0;
};

/// An outside address under its trust prefix.
struct SourceRecord {
  Address source;
  std::uint64_t frames = 0;
  std::uint64_t attempts = 0;
  std::uint64_t delayed = 0;
  std::uint64_t dropped = 0;  ///< frames, any reason of kind drop
  std::uint64_t forged = 0;   ///< frames that the box sent to it
};

class Journal {
 public:
  explicit Journal(const Policy& policy);

  /// Whether a host answers here what the box has kept from it by diverting the flow: live, this
  /// frame would not exist, and replayed it would let the Tracker take the flow for a connection.
  [[nodiscard]] bool answers_unasked(const FrameView& view, Side from, Now now) const;

  /// One frame went through the chain, which holds these counters now.
  void processed(const FrameView& view, Side from, const Counters& counters, Now now);
  /// The box sent a frame of its own to outside.
  void made(const FrameView& view);

  [[nodiscard]] const Attempts& attempts() const { return attempts_; }
  /// Frames ended because of an earlier verdict on their flow, by reason.
  [[nodiscard]] const auto& consequences() const { return consequences_; }
  [[nodiscard]] std::vector<SourceRecord> sources() const;

 private:
  static constexpr Time kEpoch = std::chrono::seconds(60);
  struct FlowRecord {
    Fate fate = Fate::unknown;
    bool opened_outside = false;
    bool waiting = false;  ///< delayed, and not let on since
    std::uint32_t isn = 0;
    Time last{};
  };

  std::optional<Reason> ended(const Counters& counters);
  void attempt(FlowRecord& flow, SourceRecord& source, Fate fate, bool repeats);
  [[nodiscard]] static bool opens(const FrameView& view, const FlowRecord* flow, Now now);
  SourceRecord& source(const Address& address);

  PrefixSet protected_;
  std::vector<Address> gateways_;
  unsigned bits4_, bits6_;
  Attempts attempts_;
  std::array<std::uint64_t, kReasons.size()> seen_{};
  std::array<std::uint64_t, kReasons.size()> consequences_{};
  std::unordered_map<Flow, FlowRecord, Flow::Hash> flows_;
  std::unordered_map<Address, SourceRecord, AddressHash> sources_;
};

}  // namespace mitibox::replay
