// SPDX-License-Identifier: BSD-3-Clause
/// A whole Chain between two fake ports, in virtual time. Every frame in and out is accounted for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../packet/probe_frames.hpp"
#include "chain/chain.hpp"
#include "chain/learning.hpp"
#include "seeds.hpp"
#include "tracker/tracker.hpp"

namespace mitibox::test {

inline constexpr std::uint8_t kSynAck = tcp::kSyn | tcp::kAck;
inline constexpr std::uint8_t kFinAck = tcp::kFin | tcp::kAck;

/// An mbuf of its own with the frame of this probe.
rte_mbuf* frame_of(const Probe& probe);
rte_mbuf* frame_of(const Bytes& bytes);

/// 203.0.113.0/24 and 2001:db8:1::/64 protected; 203.0.113.10 and 2001:db8:1::10 serve TCP 443 and
/// UDP 53, 203.0.113.25 TCP 25 publicly. Admission `forward`, no coin, evidence `attempt`, no
/// grace, small tables, hosts' own headers.
Policy plain_policy();

/// What came of one frame.
struct Outcome {
  std::string end;            ///< "forward", or the name of the reason
  std::vector<Seen> answers;  ///< frames that left by the port it came from
  std::vector<Seen> passed;   ///< frames that left by the other
};

class Rig {
 public:
  explicit Rig(const Policy& policy = plain_policy(),
               std::uint32_t held_segments = Splices::kMostHeld);
  ~Rig();  ///< checks the accounts
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  Outcome send(Side from, const Probe& probe) { return send(from, frame_of(probe)); }
  Outcome send(Side from, rte_mbuf* frame);
  /// In one burst; what left by the port they came from and by the other.
  Outcome burst(Side from, const std::vector<Probe>& probes);

  /// What the box does of its own accord meanwhile: `answers` left outside, `passed` inside.
  Outcome wait(Time span);
  /// The box stands still for so long: nothing ticks meanwhile.
  void jump(Time span) { now_ += span; }
  /// Takes all buffers for frames that the box makes; give them back with rte_pktmbuf_free.
  std::vector<rte_mbuf*> take_buffers();
  /// received == forwarded + refused + ended; what was sent == forwarded + made.
  void check_accounts();

  [[nodiscard]] std::uint64_t ended(Reason why) const {
    return chain->counters().ended[index(why)].get();
  }
  [[nodiscard]] Now now() const { return Now(now_); }
  [[nodiscard]] TrustLevel level(const std::string& source) const;

  /// What the chain has told since the last call.
  std::vector<Event> events();

  Findings findings;  ///< of the chain
  Observer observer;  ///< all kinds of events, and more a second than a test makes
  std::unique_ptr<Chain> chain;
  /// How many frames a port takes at once; nothing: all.
  std::optional<std::uint16_t> takes;

 private:
  struct Port : Wire {
    std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override;
    Rig* rig = nullptr;
    std::array<std::vector<rte_mbuf*>, kSides> taken;
    std::array<std::uint64_t, kSides> sent{};
  };
  Outcome collect(Side from);
  void keep(Side from, const rte_mbuf* frame);

  Policy policy_;
  rte_mempool* pool_;
  unsigned probes_before_;
  Port port_;
  Seeds seeds_;
  Time now_ = std::chrono::hours(1);
};

}  // namespace mitibox::test
