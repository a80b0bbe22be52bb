// SPDX-License-Identifier: BSD-3-Clause
/// A whole Chain in virtual time between two ports that judge what leaves. What must never be ends
/// the process: the fuzzer keeps the input.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "chain/chain.hpp"
#include "chain/learning.hpp"
#include "policy/policy.hpp"

namespace mitibox::fuzz {

using Bytes = std::vector<std::uint8_t>;

/// Ends the process with this message unless it holds.
void must(bool holds, const char* what);

/// Reads an input from its front; behind its end there are zeros.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : left_(bytes) {}
  [[nodiscard]] bool over() const { return left_.empty(); }
  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::span<const std::uint8_t> take(std::size_t most);
  std::span<const std::uint8_t> rest() { return take(left_.size()); }

 private:
  std::span<const std::uint8_t> left_;
};

/// Starts EAL once.
void begin(const char* name);

/// Policies that differ in what the chain does; small tables, so that they fill up.
const Policy& policy_of(std::uint8_t number);

/// RFC 1071 over `bytes`, added to `sum`; host byte order.
std::uint16_t checksum(std::span<const std::uint8_t> bytes, std::uint32_t sum = 0);

/// Writes the lengths and checksums that an Ethernet frame of IP needs to be believed.
void make_sound(Bytes& frame);

class Lab {
 public:
  explicit Lab(const Policy& policy);
  ~Lab();  ///< drains the chain, and checks that every buffer came back
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  void send(Side from, std::span<const std::uint8_t> frame);
  void step(Time span);
  /// Takes the chain's own buffers away, or gives them back.
  void starve(bool yes);
  /// How many frames a port takes at once.
  void throttle(std::uint16_t takes) { port_.takes = takes; }

  /// Who sees each frame that leaves.
  using Listener = std::function<void(Side to, std::span<const std::uint8_t> frame)>;
  void listen(Listener listener) { port_.listener = std::move(listener); }

  /// Of the last TCP segment that left to that side: what an answer to it says.
  struct Last {
    std::uint32_t sequence = 0, acknowledgement = 0;
  };
  [[nodiscard]] const Last& last(Side to) const { return port_.last[index(to)]; }
  [[nodiscard]] Now now() const { return Now(now_); }
  Chain& chain() { return *chain_; }

 private:
  struct Port : Wire {
    std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override;
    std::uint16_t takes = UINT16_MAX;
    bool monitor = false;
    Listener listener;
    std::array<Last, kSides> last;
    std::array<std::uint64_t, kSides> sent{};
  };
  /// `over`: nothing waits any more.
  void check(bool over = false);

  Port port_;
  Findings findings_;
  std::unique_ptr<Chain> chain_;
  std::vector<rte_mbuf*> taken_;
  Time now_ = std::chrono::hours(1);
};

}  // namespace mitibox::fuzz
