// SPDX-License-Identifier: BSD-3-Clause
/// Virtual time, the Internet on one side of a defence and the LAN on the other.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "defence.hpp"
#include "network.hpp"
#include "segment.hpp"

namespace mitibox::arena {

/// From anywhere outside to the defence, one way.
inline constexpr Time kHalfway = std::chrono::milliseconds(20);
/// From the defence to a host and back, its own time included.
inline constexpr Time kHostTime = std::chrono::milliseconds(1);

struct Knobs {
  double drop = 0.5;
  unsigned distrusted = 600;
  bool partial = true;
  std::string patch;   ///< MitiBox: JSON merged into its policy (RFC 7396)
  bool small = false;  ///< tables and pools for one of many sites
};

/// Reproducible: what happens follows from the seed alone. Not copyable, since all refer to it.
class World : public Wire {
 public:
  World(Family family, std::string_view defence, std::uint64_t seed, const Knobs& knobs);
  ~World() override;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  using Hear = std::function<void(const Segment&)>;

  void at(Time when, std::function<void()> what);
  void after(Time span, std::function<void()> what) { at(now_ + span, std::move(what)); }
  /// Lets everything happen up to this instant.
  void run(Time until);

  /// Leaves a party outside now, and is at the defence kHalfway later.
  void send(const Segment& segment);
  /// What comes for this address and port is heard here, kHalfway after it left the defence; port
  /// 0: any that nobody else listens at.
  void listen(const Address& address, std::uint16_t port, Hear hear);
  void unlisten(const Address& address, std::uint16_t port);

  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] Defence& defence() { return *defence_; }
  [[nodiscard]] std::uint64_t to_hosts() const { return to_hosts_; }
  [[nodiscard]] Family family() const { return family_; }

  std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override;

 private:
  struct Event {
    Time when;
    std::uint64_t order;
    std::function<void()> what;
    /// The next is the largest, of a heap.
    bool operator<(const Event& o) const {
      return when != o.when ? when > o.when : order > o.order;
    }
  };
  struct Ear {
    Address address;
    std::uint16_t port;
    friend bool operator==(const Ear&, const Ear&) = default;
  };
  struct EarHash {
    std::size_t operator()(const Ear& e) const {
      return AddressHash()(e.address) ^ std::size_t{e.port} * 0xff51afd7ed558ccdU;
    }
  };

  void step(Time most);
  void hand(Side from, const Segment& segment);
  void host_hears(const Segment& segment);
  [[nodiscard]] const Hear* ear(const Segment& segment) const;

  Family family_;
  Network network_;
  rte_mempool* frames_;
  rte_mempool* own_;
  Time now_ = std::chrono::hours(1);
  Time busy_{};  ///< when the defence last had a frame
  std::uint64_t order_ = 0;
  std::uint64_t to_hosts_ = 0;
  std::vector<Event> events_;  ///< a heap
  std::unordered_map<Ear, Hear, EarHash> ears_;
  std::unique_ptr<Defence> defence_;
};

/// What somebody who opens a connection and asks something sees.
enum class Outcome : std::uint8_t {
  nothing,  ///< no answer to any SYN
  reset,
  mute,  ///< a handshake, and no byte of an application
  data,  ///< the application's first byte
};

struct Call {
  Address from, to;
  std::uint16_t from_port = 0, to_port = 0;
  std::uint32_t isn = 0;
  Time patience = std::chrono::seconds(10);
  /// Of calls that race: whether one of them is established. Those that are not send nothing more
  /// then, reset what is answered late, and end as `nothing`.
  std::shared_ptr<bool> won{};
};

/// A TCP client as kernels are: repeats its SYN 1, 3, 7 and 15 s after the first and its request
/// likewise, until its patience ends. Tells once what came of it and how long that took.
void dial(World& world, const Call& call, std::function<void(Outcome, Time)> done);

}  // namespace mitibox::arena
