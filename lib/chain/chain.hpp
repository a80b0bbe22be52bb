// SPDX-License-Identifier: BSD-3-Clause
/// The chain of rooms that a burst passes, in the order of the paper's figure 3.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "chain/forecast.hpp"
#include "observe/counters.hpp"
#include "observe/observer.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "port/neighbours.hpp"
#include "port/transmit.hpp"
#include "reply/reply.hpp"
#include "ruleset/ruleset.hpp"
#include "scrubber/reassembly.hpp"
#include "splice/sack.hpp"
#include "splice/splices.hpp"
#include "tracker/mapping.hpp"
#include "tracker/survivors.hpp"
#include "trust/trust.hpp"

namespace mitibox {

class Findings;
struct Hit;
class HandOff;
class Owner;
struct Orders;
class Probability;
class Tracker;
class Trials;

/// Everything one lcore owns. All members are called from that lcore only, but counters() and
/// what it refers to may be read from anywhere.
class Chain {
 public:
  struct Config {
    std::string name;      ///< prefix of the tables' names, unique in the process
    unsigned workers = 1;  ///< each table gets its share: policy size / workers
    Secrets secrets;
    Mac own_mac;                   ///< answers for dark addresses
    rte_mempool* pool = nullptr;   ///< for frames made here, this lcore's own
    FactSink* facts = nullptr;     ///< to the other workers' chains; must outlive this one
    Findings* findings = nullptr;  ///< who is told who answers; must outlive this one
    bool speaks = true;            ///< gets all ARP and ND; worker 0's chain does

    /// With several workers: who owns a source, the number of this one, and the way to the others.
    /// Must outlive the chain. Without an owner every packet is this chain's.
    const Owner* owner = nullptr;
    unsigned self = 0;
    HandOff* handoff = nullptr;

    /// Where connections outlive the process; nullptr: nowhere. Read while the chain is made.
    const Mapping::Place* place = nullptr;

    /// When the process began: the grace period runs from there.
    Time started{};

    /// Both ports were asked to verify checksums and said that they do: what they call right is not
    /// summed again.
    bool verified_checksums = false;

    /// Of the frames that the chain is given, it may keep this many fragments until their datagrams
    /// are whole.
    std::uint32_t held_fragments = Reassembly::kFrames;
    /// And this many segments until their hosts have taken them.
    std::uint32_t held_segments = Splices::kMostHeld;

    /// Whom the chain tells what it does beyond counting; must outlive it. nullptr: nobody.
    Observer* observer = nullptr;
  };

  /// Where a chain's time goes.
  struct Profile {
    static constexpr std::array<std::string_view, 7> kRooms{"receive", "track",  "draw", "judge",
                                                            "divert",  "strays", "emit"};
    std::array<std::uint64_t, kRooms.size()> cycles{};  ///< of the time-stamp counter
  };

  /// `policy` and `wire` must outlive the chain. Throws std::runtime_error naming the table, its
  /// size and the option when memory is short.
  Chain(const Policy& policy, const Config& config, Wire& wire);
  ~Chain();
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  /// Takes at most kBurst frames, received on one port, in order of arrival. Each is queued for
  /// transmission, given to its owner, or ends under a reason.
  void process(Side from, std::span<rte_mbuf* const> frames, Now now);

  /// As process(), of frames that another worker received and gave to this one.
  void adopt(Side from, std::span<rte_mbuf* const> frames, Now now);

  /// Background work of bounded size: expiry, ageing, address probes. Call once a poll.
  void tick(Now now);

  /// What can wait until the frames have left: call once a poll, behind their transmission.
  void settle(Now now);

  /// What another worker's chain told its sink.
  void learn(const Fact& fact, Now now);

  /// From now on goes by these; they become what was in force before, for a control thread to end.
  /// Between two bursts, on the owner lcore.
  void obey(Orders& given, Now now) noexcept;
  [[nodiscard]] const Orders& orders() const;
  /// For errands: of the orders, by row of their Ruleset.
  [[nodiscard]] std::span<Hit> hits();

  /// From now on adds up what each room takes; nullptr: no longer. Without it a burst pays one
  /// comparison. From the owner lcore, or before it runs.
  void measure(Profile* profile);

  /// Ends what waits for the rest of its datagram, offers everything queued to the ports once more,
  /// and counts as refused what they do not take. Behind the last packet.
  void finish();

  /// Takes over the connections that are this worker's; call before the first packet.
  Restored restore(const Survivors& survivors, Now now);
  /// The same of distrust; its cells too if `cells`.
  RestoredTrust restore(const TrustState& state, bool cells, Now now);

  /// What an attempt would meet that came now. Nothing is counted, learned or remembered.
  [[nodiscard]] Forecast foretell(const Address& source, const Destination& to, Now now) const;

  Transmit& transmit();
  /// For errands: what an operator says of a source.
  Trust& trust();
  [[nodiscard]] const Counters& counters() const;
  [[nodiscard]] const Trust& trust() const;
  [[nodiscard]] const Tracker& tracker() const;
  [[nodiscard]] const Reply& reply() const;
  [[nodiscard]] const Splices::Counters& splices() const;
  [[nodiscard]] const Sacks::Counters& sacks() const;
  [[nodiscard]] const Trials& trials() const;
  /// Config::findings.
  [[nodiscard]] const Findings* findings() const;
  [[nodiscard]] const Neighbours& neighbours() const;
  [[nodiscard]] const Probability& probability() const;
  /// Config::observer.
  [[nodiscard]] Observer* observer() const;

  /// Bytes of rte memory that the tables of all workers take together under this policy.
  static std::size_t memory_bytes(const Policy& policy, unsigned workers);

 private:
  struct Rooms;
  std::unique_ptr<Rooms> rooms_;
};

/// Ends the frame: counts it under the reason and frees it. The only place that frees a received
/// frame.
void end_frame(rte_mbuf* frame, Reason reason, Counters& counters);
/// Frees a frame of the box's own that no port took.
void discard(rte_mbuf* frame);

}  // namespace mitibox
