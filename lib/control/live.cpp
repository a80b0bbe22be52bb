// SPDX-License-Identifier: BSD-3-Clause
#include "control/live.hpp"

#include <nlohmann/json.hpp>

#include "chain/reasons.hpp"

namespace mitibox {

namespace {

using Json = nlohmann::ordered_json;

template <typename TimePoint>
double seconds_of(TimePoint t) {
  return std::chrono::duration<double>(t.time_since_epoch()).count();
}

/// Names may hold anything; what is no UTF-8 is replaced, where dump() would throw.
std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json groups(const Snapshot& snapshot) {
  Json out = Json::object();
  for (const auto& group : snapshot.groups) {
    Json& g = out[group.name] = Json::object();
    for (const auto& e : group.entries) g[e.name] = e.value;
  }
  return out;
}

Json policy_of(const Policy& p) {
  Json levels = Json::array({1.0});
  for (const PartialLevel& l : p.trust.partial) levels.push_back(l.divert);
  return {{"mode", p.mode == Policy::Mode::monitor ? "monitor" : "on"},
          {"admission", p.admission == Policy::Admission::handshake ? "handshake" : "forward"},
          {"drop", p.probability.drop},
          {"levels", levels}};
}

Json ports_of(const BoxStatus& status) {
  Json out = Json::array();
  for (const BoxStatus::Port& p : status.ports)
    out.push_back({{"device", p.device}, {"up", p.up}, {"mbps", p.mbps}});
  return out;
}

Json workers_of(const std::vector<Insight::Worker>& workers) {
  Json out = Json::array();
  for (const Insight::Worker& w : workers)
    out.push_back({{"answers", w.answers},
                   {"polls", w.polls},
                   {"busy_polls", w.busy_polls},
                   {"busy_ns", w.busy_ns},
                   {"buckets", w.buckets}});
  return out;
}

Json sources_of(const std::vector<Insight::Source>& sources) {
  Json out = Json::array();
  for (const Insight::Source& s : sources)
    out.push_back({{"address", to_string(s.address)},
                   {"probes", s.probes},
                   {"level", s.level},
                   {"divert", s.divert},
                   {"proven", s.proven},
                   {"left", s.left},
                   {"forgiven", s.forgiven}});
  return out;
}

Json probed_of(const std::vector<Insight::Probed>& probed) {
  Json out = Json::array();
  for (const Insight::Probed& p : probed)
    out.push_back({{"address", to_string(p.destination.address)},
                   {"protocol", p.destination.protocol},
                   {"port", p.destination.port},
                   {"probes", p.probes}});
  return out;
}

}  // namespace

std::string live_json(const Insight& insight) {
  Json tables = Json::array();
  for (const Insight::Table& t : insight.tables())
    tables.push_back({{"name", t.name}, {"entries", t.entries}, {"capacity", t.capacity}});
  const BoxStatus& status = insight.status;
  const Json all{{"version", status.version},
                 {"uptime", status.uptime.count()},
                 {"at", seconds_of(insight.at)},
                 {"moment", seconds_of(insight.moment)},
                 {"run", seconds_of(insight.run)},
                 {"ports", ports_of(status)},
                 {"remarks", status.warnings},
                 {"policy", policy_of(*insight.policy)},
                 {"groups", groups(insight.snapshot)},
                 {"tables", tables},
                 {"levels", insight.levels},
                 {"workers", workers_of(insight.workers)},
                 {"sources", sources_of(insight.sources)},
                 {"probed", probed_of(insight.probed)}};
  return dumped(all);
}

std::string reasons_json() {
  Json out = Json::array();
  for (const ReasonRow& r : kReasons)
    out.push_back({{"name", r.name},
                   {"kind", r.kind == ReasonKind::drop ? "drop" : "consume"},
                   {"cause", r.cause},
                   {"remedy", r.remedy}});
  return dumped(out);
}

}  // namespace mitibox
