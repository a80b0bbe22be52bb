// SPDX-License-Identifier: BSD-3-Clause
/// What stands between the Internet and the network: packets in, packets out on either side.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "network.hpp"
#include "port/transmit.hpp"

namespace mitibox::arena {

/// How long a detector blocks: as long as MitiBox takes to forgive by default.
inline constexpr Time kBlock = std::chrono::minutes(40);
/// Sources that each defence can remember.
inline constexpr std::uint32_t kSources = 1U << 16U;

struct Setting {
  const Network& network;
  std::uint64_t seed;
  rte_mempool* pool;          ///< for frames of the defence's own
  double drop = 0.5;          ///< MitiBox: probability.drop
  unsigned distrusted = 600;  ///< MitiBox: trust.distrusted, seconds; partial levels are as long
  bool partial = true;        ///< MitiBox: trust.partial
  std::string patch{};        ///< MitiBox: merged into the policy (RFC 7396); empty: nothing
  bool small = false;         ///< MitiBox: tables for a small site
};

class Defence {
 public:
  virtual ~Defence() = default;
  /// Takes the frame.
  virtual void pass(Side from, rte_mbuf* frame, Now now) = 0;
  /// Its timers.
  virtual void tick(Now /*now*/) {}
  /// Whether it would let this source reach the known service, as far as it holds anything against
  /// the source.
  [[nodiscard]] virtual bool admits(const Address& /*source*/, Now /*now*/) const { return true; }
  /// The process ends and starts again, with what it keeps; `new_key`: with other secrets.
  virtual void restart(bool /*new_key*/, Now /*now*/) {}
  /// Sources that it holds something against.
  [[nodiscard]] virtual std::size_t remembered() const { return 0; }
};

/// Names of all defences, in the order of the table.
const std::vector<std::string>& defences();
/// Throws std::runtime_error when there is none of that name. `wire` must outlive it.
std::unique_ptr<Defence> make_defence(std::string_view name, const Setting& setting, Wire& wire);

/// Of the three ways to set MitiBox up: "paper", "forward", "default".
std::unique_ptr<Defence> make_box(std::string_view profile, const Setting& setting, Wire& wire);

}  // namespace mitibox::arena
