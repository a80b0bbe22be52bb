// SPDX-License-Identifier: BSD-3-Clause
#include "observe/snapshot.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "chain/learning.hpp"
#include "port/port_state.hpp"
#include "probability/probability.hpp"
#include "tracker/tracker.hpp"

namespace mitibox {

namespace {

std::string metric(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

/// Adds to the entry of that name, so that lcores sum up.
void add(Snapshot::Group& group, std::string_view name, std::uint64_t value) {
  for (auto& e : group.entries)
    if (e.name == name) {
      e.value += value;
      return;
    }
  group.entries.push_back({std::string(name), value});
}

const char* side_name(std::size_t i) {
  return i == index(Side::outside) ? "outside" : "inside";
}

void add_counters(Snapshot::Group& g, const Counters& c) {
  static constexpr const char* kClasses[] = {"pass", "neighbour", "inbound", "outbound"};
  const auto sides = [&](const char* what, const std::array<Counter, kSides>& values) {
    for (std::size_t i = 0; i < kSides; ++i)
      add(g, fmt::format("{}_{}", what, side_name(i)), values[i].get());
  };
  sides("received", c.received);
  sides("forwarded", c.forwarded);
  sides("refused", c.refused);
  sides("made", c.made);
  sides("made_refused", c.made_refused);
  sides("at_owner", c.at_owner);
  sides("handed", c.handed);
  sides("adopted", c.adopted);
  for (std::size_t i = 0; i < c.classes.size(); ++i)
    add(g, fmt::format("class_{}", kClasses[i]), c.classes[i].get());
  add(g, "held", c.held.get());
}

void add_trust(Snapshot::Group& g, const Trust& trust) {
  const auto& c = trust.counters();
  add(g, "proven_sources", trust.proven_sources());
  add(g, "evidence_unproven", c.unproven);
  add(g, "evidence_proven", c.proven);
  add(g, "allowed_illegitimate", c.allowed);
  add(g, "allowed_many", c.allowed_many);
  add(g, "escalated_prefixes", trust.escalation().distrusted());
  add(g, "escalations", c.escalations);
  add(g, "sketch_evictions", c.sketch_evictions);
  add(g, "source_evictions", c.source_evictions);
  add(g, "prefix_evictions", c.prefix_evictions);
  for (std::size_t level = 0; level < std::size(c.passed); ++level) {
    if (level > 1 && c.passed[level] + c.diverted[level] == 0) continue;
    add(g, fmt::format("level{}_passed", level), c.passed[level]);
    add(g, fmt::format("level{}_diverted", level), c.diverted[level]);
  }
}

void add_tables(Snapshot::Group& g, const Tracker& tracker) {
  for (const Family family : {Family::v4, Family::v6}) {
    const ConnectionTable& t = tracker.table(family);
    const char* name = family == Family::v4 ? "ipv4" : "ipv6";
    add(g, fmt::format("{}_connections", name), t.size());
    add(g, fmt::format("{}_half_open", name), t.size(Stage::half_open));
    add(g, fmt::format("{}_datagram", name), t.size(Stage::datagram));
    add(g, fmt::format("{}_evicted", name), t.evicted());
    add(g, fmt::format("{}_expired", name), t.expired());
  }
}

void add_observer(Snapshot::Group& events, Snapshot::Group& load, const Observer& o) {
  const auto& r = o.recorder.counters();
  add(events, "events_recorded", r.recorded.get());
  add(events, "events_suppressed", r.suppressed.get());
  add(events, "events_lost", r.lost.get());
  add(load, "polls", o.load.polls.get());
  add(load, "busy_polls", o.load.busy_polls.get());
  add(load, "busy_ns", o.load.busy_ns.get());
}

void add_watched(Snapshot::Group& g, const Watched& w) {
  const std::pair<const char*, const Counter&> all[] = {
      {"let", w.let},
      {"translated", w.translated},
      {"fragments_unjudged", w.fragments_unjudged},
      {"bypassed", w.bypassed},
      {"would_accept", w.would_accept},
      {"would_delay", w.would_delay},
      {"would_divert", w.would_divert},
      {"would_forge", w.would_forge},
      {"would_distrust", w.would_distrust}};
  for (const auto& [name, counter] : all) add(g, name, counter.get());
  for (std::size_t i = 0; i < kReasons.size(); ++i)
    if (const std::uint64_t n = w.would_end[i].get(); n != 0)
      add(g, fmt::format("would_end_{}", metric(kReasons[i].name)), n);
}

/// The shortest memory of all workers: one that forgets too early is enough.
void add_retransmissions(Snapshot::Group& g, const Chain& chain) {
  static constexpr const char* kName = "retransmission_eviction_age_ms";
  const std::uint32_t age = chain.probability().last_eviction_age();
  if (age == UINT32_MAX) return;
  for (auto& e : g.entries)
    if (e.name == kName) {
      e.value = std::min<std::uint64_t>(e.value, age);
      return;
    }
  g.entries.push_back({kName, age});
}

}  // namespace

std::uint64_t Snapshot::get(std::string_view group, std::string_view name) const {
  const Entry* const e = find(group, name);
  return e == nullptr ? 0 : e->value;
}

bool Snapshot::has(std::string_view group, std::string_view name) const {
  return find(group, name) != nullptr;
}

const Snapshot::Entry* Snapshot::find(std::string_view group, std::string_view name) const {
  for (const Group& g : groups)
    if (g.name == group)
      for (const Entry& e : g.entries)
        if (e.name == name) return &e;
  return nullptr;
}

Snapshot take_snapshot(const std::vector<const Chain*>& chains) {
  Snapshot s;
  s.groups = {{"counters", {}}, {"reasons", {}}, {"trust", {}}, {"reply", {}},  {"neighbours", {}},
              {"tables", {}},   {"events", {}},  {"load", {}},  {"monitor", {}}};
  for (const Chain* chain : chains) {
    add_counters(s.groups[0], chain->counters());
    for (std::size_t i = 0; i < kReasons.size(); ++i)
      add(s.groups[1], metric(kReasons[i].name), chain->counters().ended[i].get());
    add_trust(s.groups[2], chain->trust());
    const auto& r = chain->reply().counters();
    add(s.groups[3], "syn_acks", r.syn_acks);
    add(s.groups[3], "echoes", r.echoes);
    add(s.groups[3], "unreachables", r.unreachables);
    add(s.groups[3], "proofs", r.proofs);
    add(s.groups[3], "bad_cookies", r.bad_cookies);
    add(s.groups[3], "conversations", chain->reply().conversations());
    add(s.groups[3], "conversation_evictions", r.conversation_evictions);
    add(s.groups[3], "repetitions", r.repetitions);
    add(s.groups[3], "fins", r.fins);
    add(s.groups[3], "resets", r.resets);
    add(s.groups[3], "words", r.words);
    add(s.groups[3], "words_again", r.words_again);
    const Splices::Counters& called = chain->splices();
    add(s.groups[3], "hosts_called", called.called);
    add(s.groups[3], "hosts_answered", called.answered);
    add(s.groups[3], "hosts_refused", called.refused);
    add(s.groups[3], "hosts_mute", called.mute);
    add(s.groups[3], "splices_full", called.full);
    add(s.groups[3], "splices_lost", called.lost);
    add(s.groups[3], "sacks_written", chain->sacks().written);
    add(s.groups[3], "sacks_full", chain->sacks().full);
    const Trials::Counters& trials = chain->trials().counters;
    add(s.groups[3], "trials", trials.begun.get());
    add(s.groups[3], "trials_answered", trials.answered.get());
    add(s.groups[3], "trials_refused", trials.refused.get());
    add(s.groups[3], "trials_mute", trials.mute.get());
    add(s.groups[3], "trials_abandoned", trials.abandoned.get());
    if (chain->findings() != nullptr)
      add(s.groups[3], "findings_lost", chain->findings()->lost().get());
    const auto& n = chain->neighbours().counters();
    add(s.groups[4], "answers", n.answers);
    add(s.groups[4], "probes", n.probes);
    add(s.groups[4], "announcements", n.announcements);
    add(s.groups[4], "rewrites", n.rewrites);
    add(s.groups[4], "facts_told", n.told);
    add(s.groups[4], "facts_learned", n.learned);
    add_tables(s.groups[5], chain->tracker());
    add_retransmissions(s.groups[5], *chain);
    add_watched(s.groups[8], chain->counters().monitor);
    if (chain->observer() != nullptr) add_observer(s.groups[6], s.groups[7], *chain->observer());
  }
  return s;
}

void add_ports(Snapshot& s, std::uint16_t outside, std::uint16_t inside) {
  Snapshot::Group g{"ports", {}};
  for (const auto& [name, id] : {std::pair("outside", outside), std::pair("inside", inside)}) {
    const auto stats = port_stats(id);
    if (!stats) continue;  // zeros would be a reset to whoever takes differences
    add(g, fmt::format("{}_ipackets", name), stats->ipackets);
    add(g, fmt::format("{}_opackets", name), stats->opackets);
    add(g, fmt::format("{}_imissed", name), stats->imissed);
    add(g, fmt::format("{}_ierrors", name), stats->ierrors);
    add(g, fmt::format("{}_oerrors", name), stats->oerrors);
    add(g, fmt::format("{}_rx_nombuf", name), stats->rx_nombuf);
  }
  s.groups.push_back(std::move(g));
}

void add_buffers(Snapshot& s, std::string_view what, const rte_mempool* pool) {
  if (s.groups.empty() || s.groups.back().name != "buffers") s.groups.push_back({"buffers", {}});
  Snapshot::Group& g = s.groups.back();
  add(g, fmt::format("{}_size", what), pool->populated_size);
  add(g, fmt::format("{}_in_use", what), rte_mempool_in_use_count(pool));
}

void add_events(Snapshot& s, const EventLog::Counters& counters) {
  for (auto& g : s.groups) {
    if (g.name != "events") continue;
    add(g, "events_written", counters.written);
    add(g, "events_lost", counters.lost);
  }
}

std::string render_table(const Snapshot& s) {
  const auto n = [&](const char* name) { return s.get("counters", name); };
  std::string out = fmt::format("{:<36}{:>16}{:>16}\n", "", "outside", "inside");
  const bool sharded = n("at_owner_outside") + n("handed_outside") + n("handed_inside") != 0;
  for (const char* what :
       {"received", "forwarded", "refused", "made", "made_refused", "at_owner", "handed"}) {
    if (!sharded && (what == std::string_view("at_owner") || what == std::string_view("handed")))
      continue;
    static constexpr std::pair<const char*, const char*> kLabels[] = {
        {"received", "received from the port"},
        {"forwarded", "forwarded out of the port"},
        {"refused", "refused by the port"},
        {"made", "made here, sent by the port"},
        {"made_refused", "made here, refused by the port"},
        {"at_owner", "arrived at their owner"},
        {"handed", "handed to their owner"}};
    const auto* label = std::find_if(std::begin(kLabels), std::end(kLabels),
                                     [&](auto& l) { return std::string_view(l.first) == what; });
    out += fmt::format("{:<36}{:>16}{:>16}\n", label->second,
                       n(fmt::format("{}_outside", what).c_str()),
                       n(fmt::format("{}_inside", what).c_str()));
  }
  const auto reasons = [&](ReasonKind kind, const char* title) {
    std::string rows;
    for (const ReasonRow& r : kReasons)
      if (const auto count = s.get("reasons", metric(r.name)); r.kind == kind && count != 0)
        rows += fmt::format("  {:<22}{:>12}  {}\n", r.name, count, r.cause);
    if (!rows.empty()) out += fmt::format("\n{}\n{}", title, rows);
  };
  reasons(ReasonKind::drop, "Dropped");
  reasons(ReasonKind::consume, "Ended here");
  for (const auto& g : s.groups) {
    if (g.name == "counters" || g.name == "reasons") continue;
    out += fmt::format("\n{}\n", g.name);
    for (const auto& e : g.entries)
      if (e.value != 0) out += fmt::format("  {:<34}{:>16}\n", e.name, e.value);
  }
  return out;
}

std::string check_accounting(const Snapshot& s) {
  const auto both = [&](const char* what) {
    return s.get("counters", fmt::format("{}_outside", what)) +
           s.get("counters", fmt::format("{}_inside", what));
  };
  std::uint64_t ended = 0;
  for (const ReasonRow& r : kReasons) ended += s.get("reasons", metric(r.name));
  const std::uint64_t held = s.get("counters", "held");
  const std::uint64_t out = both("forwarded") + both("refused") + ended + held;
  if (both("handed") != both("adopted"))
    return fmt::format("workers gave each other {} frames, but took {}", both("handed"),
                       both("adopted"));
  if (both("received") == out) return {};
  return fmt::format("received {} frames, but forwarded {} + refused {} + ended {} + held {} = {}",
                     both("received"), both("forwarded"), both("refused"), ended, held, out);
}

}  // namespace mitibox
