// SPDX-License-Identifier: BSD-3-Clause
// The appliance's events.
#include <rte_ethdev.h>

#include "appliance.hpp"
#include "port/port_state.hpp"

namespace mitibox {

void Appliance::make_events() {
  std::vector<Recorder*> recorders;
  for (Member& m : members_) recorders.push_back(&m.observer->recorder);
  events_.emplace(policy_.events, std::move(recorders));
}

void Appliance::tell(EventType type, const nlohmann::ordered_json& members) {
  events_->post(type, members);
}

void Appliance::begin_events() {
  tell(EventType::started, {{"version", MITIBOX_VERSION}, {"policy", options_.policy}});
  events_->start(
      [this] {
        return EventLog::Moment{clock_.read().time, std::chrono::system_clock::now()};
      },
      [this] {
        watch_links();
        table_watch_.check(snapshot(), clock_.read().time,
                           [this](std::string_view table, std::uint64_t count) {
                             tell(EventType::table_full, {{"table", table}, {"count", count}});
                           });
      });
}

void Appliance::end_events() {
  tell(EventType::stopped, nlohmann::ordered_json::object());
  events_->stop();
}

/// A link that is up at the start is nothing to tell.
void Appliance::watch_links() {
  for (const Side side : {Side::outside, Side::inside}) {
    const auto link = port_link(ports_.id(side));
    if (!link) continue;
    const bool up = link->link_status == RTE_ETH_LINK_UP;
    if (up == link_up_[index(side)]) continue;
    link_up_[index(side)] = up;
    tell(EventType::link, {{"port", side == Side::outside ? "outside" : "inside"}, {"up", up}});
  }
}

}  // namespace mitibox
