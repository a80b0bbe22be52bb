// SPDX-License-Identifier: BSD-3-Clause
#include "control/list_connections.hpp"

#include <algorithm>
#include <array>

#include "tracker/tracker.hpp"

namespace mitibox {

namespace {

constexpr std::array<std::string_view, kTcpStates> kTcpNames{
    "syn_sent", "simultaneous", "syn_received", "established",
    "closing",  "last_ack",     "time_wait",    "reset"};
constexpr std::array<std::string_view, 4> kOtherNames{"calling", "provisional", "answered",
                                                      "unanswered"};

}  // namespace

std::string_view connection_state(const Connection& c) {
  if (c.covered) return kOtherNames[0];
  if (c.provisional) return kOtherNames[1];
  if (c.protocol == protocol::kTcp) return kTcpNames[static_cast<std::size_t>(c.state)];
  return kOtherNames[c.replied ? 2 : 3];
}

bool is_connection_state(std::string_view word) {
  return std::find(kTcpNames.begin(), kTcpNames.end(), word) != kTcpNames.end() ||
         std::find(kOtherNames.begin(), kOtherNames.end(), word) != kOtherNames.end();
}

bool ListConnections::wanted(const FlowEnds& ends) const {
  const auto either = [&](auto is) { return is(ends.outside) || is(ends.inside); };
  if (filter_.address && !either([&](const End& e) { return e.address == *filter_.address; }))
    return false;
  return !filter_.port || either([&](const End& e) { return e.port.host() == *filter_.port; });
}

void ListConnections::look(Family family, std::span<const std::uint64_t> key, const Connection& c,
                           Now now) {
  const FlowEnds ends = ends_of(family, key);
  if (!wanted(ends)) return;
  if (!filter_.state.empty() && connection_state(c) != filter_.state) return;
  rows_[count_++] = {ends, c, elapsed(now.tick, c.last_seen)};
}

void ListConnections::serve(Chain& chain, Now now) {
  count_ = 0;
  const ConnectionTable& table = chain.tracker().table(family_);
  place_ =
      table.show(place_, kPlaces, [&](std::span<const std::uint64_t> key, const Connection& c) {
        look(family_, key, c, now);
        return count_ < kRows;
      });
  if (place_ != ConnectionTable::kShown) return;
  over_ = family_ == Family::v6;
  family_ = Family::v6;
  place_ = 0;
}

}  // namespace mitibox
