// SPDX-License-Identifier: BSD-3-Clause
/// RSS of one port: what is asked of the driver, in which order, and what came of it.
#pragma once

#include <rte_ethdev.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "packet/packet.hpp"
#include "port/steering.hpp"

namespace mitibox {

/// Common to both ports.
struct RssPlan {
  std::uint16_t queues = 1;
  std::uint32_t word = 0;   ///< steering_word()
  std::uint16_t table = 0;  ///< RETA entries that both ports have, a power of two; 0: none
  unsigned v6_prefix = 0;   ///< what makes an IPv6 source, if a NIC can know it: 32, 40, .. 64

  /// What the plan is for.
  struct Need {
    std::uint16_t queues;
    std::uint64_t random;
    unsigned v6_bits;  ///< Owned::ipv6
  };
  /// `infos` by Side.
  static RssPlan make(const Need& need, const std::array<rte_eth_dev_info, kSides>& infos);
  /// The queue of each hash value modulo `size`, a power of two not under `table`.
  [[nodiscard]] std::vector<std::uint16_t> reta(std::size_t size) const;
};

/// An rte_flow rule: packets of this kind are spread by `types`.
struct RssRule {
  bool v6 = false;
  std::uint8_t transport = 0;             ///< protocol::kTcp, kUdp, or 0: any
  std::uint64_t types = 0;                ///< RTE_ETH_RSS_*
  std::span<const std::uint16_t> queues;  ///< empty: the port's table
  std::span<const std::uint8_t> key;      ///< empty: the port's key
};

/// The calls to a started port. Each returns whether the driver did it.
class RssDriver {
 public:
  virtual ~RssDriver() = default;
  virtual bool set_table(const RssPlan& plan) = 0;
  virtual bool add_rule(const RssRule& rule) = 0;
  virtual void remove_rules() = 0;
};

class PortRss {
 public:
  enum class By : std::uint8_t { nothing, both_addresses, outside_address };

  PortRss() = default;  ///< a port with one queue
  PortRss(const RssPlan& plan, Side side, const rte_eth_dev_info& info);

  /// Whether there is anything to ask for.
  [[nodiscard]] bool wanted() const { return hash_types_ != 0; }
  /// Asks for it in the port's configuration. This object must live until that is applied.
  void request(rte_eth_conf& conf);
  /// The driver did not take that configuration: asks for less from now on.
  void refused();
  /// After the start: the table, and rules when rss_hf could not say it.
  void complete(RssDriver& driver);

  [[nodiscard]] By by() const { return by_; }
  /// By the outside address, with the plan's key and table.
  [[nodiscard]] bool agrees() const { return by_ == By::outside_address && ours_; }
  [[nodiscard]] bool v6_by_prefix() const { return v6_by_prefix_; }
  [[nodiscard]] bool by_rules() const { return by_rules_; }
  /// For the operator; empty with one queue.
  [[nodiscard]] std::string describe() const;

 private:
  bool add_rules(RssDriver& driver, bool own_queues);

  RssPlan plan_;
  std::uint64_t hash_types_ = 0;  ///< for rss_hf
  std::uint64_t side_only_ = 0;   ///< L3_SRC_ONLY or L3_DST_ONLY
  bool by_packet_type_ = false;   ///< the driver hashes only the packet types it is named
  std::vector<std::uint8_t> key_;
  By by_ = By::nothing;
  bool ours_ = false;
  bool by_rules_ = false;
  bool v6_by_prefix_ = false;
};

/// What both ports do alike. By Side.
Steering steering_of(const RssPlan& plan, const std::array<PortRss, kSides>& ports);

}  // namespace mitibox
