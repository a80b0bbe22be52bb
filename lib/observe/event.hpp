// SPDX-License-Identifier: BSD-3-Clause
/// What happened: one row a kind, and the record that an lcore makes of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/time.hpp"
#include "packet/packet.hpp"

namespace mitibox {

/// X(id, name in events, in the default selection, what it says)
#define MITIBOX_EVENTS(X)                                                                    \
  X(started, "started", true, "The box begins to forward")                                   \
  X(stopped, "stopped", true, "The box has ended in order")                                  \
  X(link, "link", true, "A port's link came up or went down")                                \
  X(policy_reloaded, "policy-reloaded", true, "Another policy is in force")                  \
  X(policy_refused, "policy-refused", true, "A policy could not be used; the old one stays") \
  X(distrusted, "distrusted", true, "Evidence raised a source's level of distrust")          \
  X(evidence, "evidence", false, "Evidence against a source whose level it did not raise")   \
  X(conversation, "conversation", true,                                                      \
    "A source completed a handshake with what is no service, or while it is distrusted")     \
  X(host_refused, "host-refused", true, "A listed service refused its client: it is down")   \
  X(host_mute, "host-mute", true, "A listed service did not answer its client: it is down")  \
  X(table_full, "table-full", true, "A table had no room, or gave up an entry for another")  \
  X(drop, "drop", true, "A packet was dropped")                                              \
  X(accepted, "accepted", false, "A connection from outside was let in to its host")         \
  X(ended, "ended", false, "A connection left the table")                                    \
  X(bypass, "bypass", true, "A source used its bypass")                                      \
  X(allowlisted, "allowlisted", true,                                                        \
    "An allowlisted source has made many attempts at what is no service")                    \
  X(lost, "lost", true, "So many events were not written")

enum class EventType : std::uint8_t {
#define X(id, name, by_default, says) id,
  MITIBOX_EVENTS(X)
#undef X
};

struct EventRow {
  std::string_view name;
  bool by_default;
  std::string_view says;
};
inline constexpr auto kEvents = std::to_array<EventRow>({
#define X(id, name, by_default, says) {name, by_default, says},
    MITIBOX_EVENTS(X)
#undef X
});
#undef MITIBOX_EVENTS

constexpr std::size_t index(EventType t) {
  return static_cast<std::size_t>(t);
}

/// A set of kinds: bit index(t) of each.
using EventTypes = std::uint32_t;
static_assert(kEvents.size() <= 32);
constexpr EventTypes bit(EventType t) {
  return EventTypes{1} << index(t);
}
inline constexpr EventTypes kDefaultEvents = [] {
  EventTypes types = 0;
  for (std::size_t i = 0; i < kEvents.size(); ++i)
    if (kEvents[i].by_default) types |= EventTypes{1} << i;
  return types;
}();

/// Made by an lcore, without an allocation or a word of text; a cache line.
struct Event {
  enum : std::uint8_t {
    kAddresses = 1,  ///< source, destination and protocol are meaningful
    kReason = 2,
    kLevel = 4,
    kEvidence = 8,  ///< `before` and kProven are meaningful
    kProven = 16,   ///< the evidence is a completed handshake
  };

  Time time{};
  Address source;
  Address destination;
  std::uint16_t source_port = 0;       ///< host byte order; TCP, UDP
  std::uint16_t destination_port = 0;  ///< host byte order; TCP, UDP
  std::uint32_t suppressed = 0;  ///< of its kind (and reason) since the last one that was told
  EventType type{};
  std::uint8_t has = 0;  ///< which of the others
  std::uint8_t protocol = 0;
  std::uint8_t worker = 0;
  std::uint8_t level = 0;   ///< of the source, after
  std::uint8_t before = 0;  ///< level before
  Reason reason{};
  std::uint32_t count = 0;  ///< what the kind counts; 0: nothing

  void of(const Packet& p) {
    if (p.family == Family::none) return;
    has |= kAddresses;
    source = p.source();
    destination = p.destination();
    protocol = p.protocol;
    if (p.protocol != protocol::kTcp && p.protocol != protocol::kUdp) return;
    source_port = p.source_port;
    destination_port = p.destination_port;
  }
  void because(Reason why) {
    has |= kReason;
    reason = why;
  }
};
static_assert(sizeof(Event) == 64);
static_assert(std::is_trivially_copyable_v<Event>);

}  // namespace mitibox
