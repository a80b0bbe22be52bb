// SPDX-License-Identifier: BSD-3-Clause
/// A wire with a router at one end and hosts at the other, Neighbours between, and virtual time.
/// Frames are written and read as lines: "who-has 192.0.2.9 tell 192.0.2.1 | R1>* | 10.20".
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "port/neighbours.hpp"

namespace mitibox::test {

using Bytes = std::vector<std::uint8_t>;

/// "BOX", "R1".."R9", "H1".."H9", "*" (broadcast), "0", or "ff02::1" and so on (group_mac).
Mac mac(std::string_view name);

struct Line {
  std::string what;  ///< "who-has T tell S", "S is-at MAC to T"
  std::string link;  ///< "R1>*"; the sender's MAC is also the one in the message
  std::string vlan;  ///< "", "10", "10.20"
};
/// ARP. "S is-at to T": a reply; "who-has T tell S": a request.
Bytes arp(const Line& line);
/// NS "who-has T tell S [DAD: S is ::]", NA "S is-at to T [target] [router]"; link-layer options
/// except with source ::.
Bytes nd(const Line& line);
/// UDP, of which only the addresses matter: "S to T".
Bytes udp(const Line& line);
/// Any of these, as a line "what | link | vlan".
std::string describe(const Bytes& frame);

struct Sent {
  Side to;
  std::string line;
  std::chrono::milliseconds at;
  friend bool operator==(const Sent&, const Sent&) = default;
};

class Lan {
 public:
  explicit Lan(const Policy& policy, unsigned buffers = 2047, Neighbours::Role role = {});
  ~Lan();
  Lan(const Lan&) = delete;
  Lan& operator=(const Lan&) = delete;

  /// Runs tick() every `step` ms for so long.
  void wait(std::chrono::milliseconds span, std::chrono::milliseconds step = tick_step);
  /// Advances the clock without tick().
  void skip(std::chrono::milliseconds span) { now_ += span; }

  /// Through process(); returns "forward", or the name of the reason it ended under.
  std::string from(Side side, const Bytes& frame);
  /// Through seen_inside().
  void traffic(const Bytes& frame);
  /// Through correct_destination(); returns its line, or "" when it said false.
  std::string corrected(const Bytes& frame);

  /// What was made since the last call, as "outside: line".
  std::vector<std::string> take();
  /// The same with the times.
  std::vector<Sent> take_timed();
  /// The line of the last frame after process(): what would be forwarded.
  [[nodiscard]] const std::string& last() const { return last_; }

  [[nodiscard]] Now now() const { return Now(now_); }
  [[nodiscard]] Neighbours& neighbours() { return neighbours_; }
  [[nodiscard]] rte_mempool* pool() { return pool_; }
  /// Fills the next Output given to Neighbours so that only so many frames fit.
  void leave_room(std::size_t frames) { room_ = frames; }

  static constexpr std::chrono::milliseconds tick_step{10};

 private:
  Packet parse(Side side, const Bytes& frame);
  void collect(Neighbours::Output& out);
  [[nodiscard]] Neighbours::Output output() const;

  rte_mempool* pool_;
  rte_mempool* received_;
  Neighbours neighbours_;
  Time now_ = std::chrono::hours(1);
  std::vector<Sent> sent_;
  std::string last_;
  std::size_t room_ = Neighbours::kMaxFrames;
};

/// 192.0.2.0/24 and 2001:db8::/64 protected, gateway 192.0.2.1 and 2001:db8::1; `dark` listed.
Policy policy_with(const std::vector<std::string>& dark);
/// The same with `answer_live` false: requests for live hosts go on to them.
Policy asking_hosts(const std::vector<std::string>& dark);

}  // namespace mitibox::test
