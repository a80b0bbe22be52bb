// SPDX-License-Identifier: BSD-3-Clause
/// The secrets of one box, each derived from one master key so that one value reproduces a run.
#pragma once

#include <optional>
#include <string_view>

#include "base/siphash.hpp"

namespace mitibox {

struct Secrets {
  Key128 table;           ///< index of the connection tables
  Key128 owner;           ///< outside address -> lcore
  Key128 coin;            ///< Probability's draw per attempt
  Key128 retransmission;  ///< Probability's memory of dropped attempts
  Key128 phase;           ///< start of a flow's epochs
  Key128 draw;            ///< Trust's draws of partially distrusted sources
  Key128 sketch;          ///< Trust's sketch of unproven evidence
  Key128 cookie;          ///< Reply's ISNs; rotated hourly by the user of this key
  Key128 conversation;    ///< index of Reply's conversation table
  Key128 fragment;        ///< index of the fragment table
  Key128 persona;         ///< IP identifiers of forged packets
  Key128 isn;             ///< initial sequence numbers of hosts that open connections
  Key128 repetition;      ///< who may be sent a SYN/ACK once more
  Key128 surface;         ///< which ports are decoys; outlives the process (key_file.hpp)
  Key128 icmp;            ///< index of the rates of ICMP
  Key128 hosts;           ///< IP identifiers of hosts' packets
  Key128 calls;           ///< IP identifiers of what goes to hosts in clients' names
  Key128 pieces;          ///< IP identifiers of split segments
  Key128 departures;      ///< when calls leave
  Key128 spoken;          ///< when the box's words leave
  Key128 shares;          ///< whose splices are counted together
  Key128 trial;           ///< which attempts are tried while services are learned

  /// Every secret is SipHash-2-4 of its own label under the master key.
  static Secrets derive(Key128 master);
  /// As derive(kept), but from `fresh` what another process must not draw again: the keys of
  /// counters, which start anew, and those of tables that begin empty.
  static Secrets derive(Key128 kept, Key128 fresh);
};

/// 128 bits from the kernel. Throws std::system_error when it gives none.
Key128 random_key();

/// Reads exactly 32 hexadecimal digits; nothing otherwise.
std::optional<Key128> parse_key(std::string_view hex);

}  // namespace mitibox
