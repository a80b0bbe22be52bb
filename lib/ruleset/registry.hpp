// SPDX-License-Identifier: BSD-3-Clause
/// The services that no policy lists: learned from who answers strangers, or imported from scans.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "packet/address.hpp"
#include "policy/policy.hpp"

namespace mitibox {

/// Seconds since 1970: what is found outlives processes and boots.
using Date = std::chrono::sys_seconds;

/// A destination that was found, and why.
struct FoundService {
  enum class State : std::uint8_t {
    normal,  ///< a service until its evidence expires
    pinned,  ///< by hand: a service until it is forgotten
    refused  ///< by hand: none, whatever is found
  };

  State state = State::normal;
  std::uint8_t prefixes = 0;  ///< learned: that it answered; 0: it was not learned
  Date first_seen{};
  Date last_seen{};        ///< an answer, a connection, or a scan
  std::string file;        ///< imported: of the newest scan; empty: it was not imported
  Date scanned{};          ///< imported: when that scan began
  Date scan_expires{};     ///< imported: when it no longer counts
  std::uint64_t hits = 0;  ///< connections

  [[nodiscard]] bool imported() const { return !file.empty(); }
};

/// Pure bookkeeping: no clock, no files. One thread at a time.
///
/// Learned: once it has answered proven sources of so many networks, for `expire` after it was last
/// seen. Imported: until `expire` after its newest scan, so that the list follows the network. Both
/// bounded; what finds no room is counted.
class Registry {
 public:
  static constexpr std::size_t kEntries = 65536;
  static constexpr std::size_t kCandidates = 65536;  ///< answered too few prefixes so far
  static constexpr unsigned kPrefixesMost = 8;
  static constexpr std::size_t kFileName = 255;  ///< bytes of a scan's file that are kept
  static constexpr std::uint32_t kVersion = 1;   ///< of save()'s layout

  explicit Registry(const Policy& policy) { obey(policy); }
  /// From now on this policy holds: what is protected, who is a gateway, how one learns. What it
  /// does not cover stays, but is in force no longer.
  void obey(const Policy& policy);

  /// Begins the learning period if the policy learns and none has begun, but not while the box only
  /// watches: then nobody is tried. Ends it if the policy does not learn.
  /// Call from time to time. Returns whether learning lasts.
  bool learn(Date now);
  [[nodiscard]] bool learning(Date now) const;
  [[nodiscard]] std::optional<Date> learning_since() const { return since_; }

  /// A host answered a proven source. Returns whether that made it a service, or one again.
  bool note(const Destination& destination, const Address& source, Date now);

  struct Import {
    std::size_t added = 0;
    std::size_t renewed = 0;
    std::size_t refused = 0;  ///< by hand
    std::size_t foreign = 0;  ///< not protected, a gateway, or neither TCP nor UDP
    std::size_t full = 0;     ///< no room
    bool expired = false;     ///< the scan is too old: nothing of it counts
  };
  /// What a scan that began at `scanned` found open. What an earlier one found and it did not stays
  /// until that one expires. `file`: never empty.
  Import import(std::string_view file, Date scanned, Seconds expire,
                std::span<const Destination> open, Date now);

  /// Connections to it, the last one at `last`. What is not found is left alone.
  void hit(const Destination& destination, std::uint64_t count, Date last);

  /// Forgets what has expired. Returns how much.
  std::size_t age(Date now);

  /// By hand. False: there is no such entry (pin, forget), or no room for one (refuse).
  bool pin(const Destination& destination);
  bool refuse(const Destination& destination, Date now);
  bool forget(const Destination& destination);

  struct Order {
    bool operator()(const Destination& a, const Destination& b) const {
      return std::tie(a.address, a.protocol, a.port) < std::tie(b.address, b.protocol, b.port);
    }
  };
  using Entries = std::map<Destination, FoundService, Order>;
  [[nodiscard]] const Entries& entries() const { return entries_; }
  [[nodiscard]] const FoundService* find(const Destination& destination) const;
  /// Whether it is a service now.
  [[nodiscard]] bool in_force(const Destination& destination, const FoundService& entry,
                              Date now) const;
  /// All that are, by address, protocol and port.
  [[nodiscard]] std::vector<Destination> services(Date now) const;

  [[nodiscard]] std::size_t candidates() const { return candidates_.size(); }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }  ///< found no room

  /// JSON, for the state file.
  [[nodiscard]] std::string save() const;
  /// Instead of what is there. Believes nothing: returns what is wrong with the text, and then
  /// nothing has changed; else it is empty.
  std::string restore(std::string_view said);

 private:
  struct Candidate {
    std::vector<Address> prefixes;
  };
  using Candidates = std::map<Destination, Candidate, Order>;

  [[nodiscard]] bool covers(const Destination& destination) const;
  FoundService* make(const Destination& destination, Date now);

  PrefixSet protected_;
  std::vector<Address> gateways_;
  Policy::Learn rules_;
  bool monitors_ = false;
  std::optional<Date> since_;
  Entries entries_;
  Candidates candidates_;
  std::uint64_t dropped_ = 0;
};

}  // namespace mitibox
