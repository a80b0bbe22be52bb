// SPDX-License-Identifier: BSD-3-Clause
/// A first policy from captures: who answers there, and on what.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "capture.hpp"
#include "frame_view.hpp"

namespace mitibox::replay {

/// An address that answered someone.
struct Candidate {
  Address address;
  std::uint64_t frames = 0;          ///< to and from it
  std::set<std::uint16_t> tcp;       ///< ports that accepted a connection (SYN/ACK)
  std::set<std::uint16_t> udp;       ///< ports that answered a datagram
  std::set<std::uint8_t> protocols;  ///< other IP protocols that answered
  bool echo = false;
};

class Survey {
 public:
  /// Reads the captures to their end.
  explicit Survey(Merge& captures);

  /// Those that answered, most frames first.
  [[nodiscard]] std::vector<Candidate> candidates() const;
  /// The first few addresses that anything was sent to, whether they answered or not.
  [[nodiscard]] const std::vector<Address>& targets() const { return targets_; }

 private:
  void frame(const FrameView& view);
  void answer(const FrameView& view);
  [[nodiscard]] static Flow key(const FrameView& view, bool reverse);

  struct Node {
    Candidate found;
    bool answered = false;
  };
  std::unordered_map<Address, Node, AddressHash> nodes_;
  /// Flows as their first sender sent them: the key names that sender as the outside end.
  std::unordered_set<Flow, Flow::Hash> asked_;
  std::vector<Address> targets_;
};

/// A policy that protects exactly these, as JSON text would hold it. `prefixes`: protect these
/// instead of each address by itself; candidates outside them are left out.
nlohmann::ordered_json derive_policy(std::span<const Candidate> candidates,
                                     std::span<const Prefix> prefixes);

}  // namespace mitibox::replay
