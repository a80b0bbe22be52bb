// SPDX-License-Identifier: BSD-3-Clause
/// What forged conversations say at ports that the policy gives a voice (reply.voices).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "reply/conversations.hpp"

namespace mitibox {

/// The words of a conversation are one text: the greeting, due as soon as it has its voice, and the
/// answer behind it, due when the client has sent any data. There is no timer: what is due goes out
/// as the answer to the client's next segment, and what is not acknowledged kRepeatAfter later is
/// repeated to the next one. So a client that is silent after a loss waits; one that says anything
/// does not. All repetitions included, no more bytes are said than were received, and
/// Voice::kMost. Immutable; read by any lcore.
class Voices {
 public:
  static constexpr std::uint32_t kRepeatAfter = 1000;  ///< ms, the least of RFC 6298 (2.4)

  explicit Voices(const Policy& policy);

  [[nodiscard]] bool none() const { return texts_.empty(); }
  /// The number of a TCP port's voice; 0: it has none.
  [[nodiscard]] std::uint8_t of(std::uint16_t port) const;

  /// Takes note of what a segment of the client's acknowledges.
  static void listen(Conversation& c, const Packet& segment);

  /// What to send now, in answer to `segment`, which `c` has taken in already; its own FINs not
  /// yet. The bytes end where `c.next` is then (before a FIN that it has sent). Empty: nothing. `c`
  /// must have a voice.
  std::span<const std::uint8_t> say(Conversation& c, const Packet& segment, Now now) const;

 private:
  struct Text {
    std::string bytes;
    std::size_t greeting = 0;  ///< of these
  };
  std::vector<PortRange> ports_;       ///< sorted, disjoint
  std::vector<std::uint8_t> numbers_;  ///< of the voice of each
  std::vector<Text> texts_;            ///< by number - 1
};

}  // namespace mitibox
