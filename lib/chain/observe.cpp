// SPDX-License-Identifier: BSD-3-Clause
// What the control plane is told of a burst beyond counters.
#include "chain/rooms.hpp"
#include "packet/flow_ends.hpp"

namespace mitibox {

/// Before the frames leave.
void Chain::Rooms::observe(Now now) {
  if (!unlisted.empty()) note_probes(now);
  observer->recorder.ended(burst(), counters.ended, now);
  if (observer->capture.on()) observer->capture.ended(burst(), now);
}

void Chain::Rooms::note_probes(Now now) {
  observer->sampler.take(unlisted.size(), now, [&](std::uint32_t which, std::uint32_t weight) {
    const Packet& p = packets[unlisted.at(which)];
    const Destination target = p.target();
    observer->note({p.source()}, {target.address, target.port, target.protocol}, weight, now);
  });
}

Chain::Rooms::Scales Chain::Rooms::before_evidence(const Address& source, Now now) {
  const Recorder& r = observer->recorder;
  Scales before{.unproven = trust.counters().unproven, .proven = trust.counters().proven};
  // In a flood nothing is looked up for what is only counted.
  before.watched = r.ready(EventType::distrusted, now) || r.ready(EventType::evidence, now);
  if (before.watched) before.level = trust.level(source, now.time).number;
  return before;
}

void Chain::Rooms::after_evidence(const Packet& p, const Scales& before, Now now) {
  const bool proven = trust.counters().proven != before.proven;
  if (!proven && trust.counters().unproven == before.unproven) return;  // not taken
  Recorder& r = observer->recorder;
  const unsigned level = before.watched ? trust.level(p.source(), now.time).number : 1;
  const EventType type =
      level != before.level || !before.watched ? EventType::distrusted : EventType::evidence;
  r.note(type, now, [&](Event& e) {
    e.of(p);
    e.has |= Event::kLevel | Event::kEvidence | (proven ? Event::kProven : 0);
    e.level = static_cast<std::uint8_t>(level);
    e.before = static_cast<std::uint8_t>(before.level);
  });
}

void Chain::Rooms::ended(std::span<const std::uint64_t> key, const Connection& c) {
  observer->recorder.note(EventType::ended, observer->now, [&](Event& e) {
    const FlowEnds ends = ends_of(key.size() == kKeySizeV4 / 8 ? Family::v4 : Family::v6, key);
    const bool outside = c.opener == Side::outside;
    e.has |= Event::kAddresses;
    e.protocol = c.protocol;
    e.source = (outside ? ends.outside : ends.inside).address;
    e.destination = (outside ? ends.inside : ends.outside).address;
    e.source_port = (outside ? ends.outside : ends.inside).port.host();
    e.destination_port = (outside ? ends.inside : ends.outside).port.host();
  });
}

/// A prefix that becomes distrusted is told of by the source that brought it about.
void Chain::Rooms::tell(const TrustEvent& t) {
  if (t.kind != TrustEvent::Kind::allowed) return;
  observer->recorder.note(EventType::allowlisted, observer->now, [&](Event& e) {
    e.has |= Event::kAddresses;
    e.source = t.source;
    e.destination = t.destination.address;
    e.destination_port = t.destination.port;
    e.protocol = t.destination.protocol;
    e.count = t.count;
  });
}

/// `p` comes from outside.
void Chain::Rooms::tell_packet(EventType type, const Packet& p, Now now) {
  observer->recorder.note(type, now, [&](Event& e) {
    e.of(p);
    e.has |= Event::kLevel;
    e.level = static_cast<std::uint8_t>(trust.level(e.source, now.time).number);
  });
}

}  // namespace mitibox
