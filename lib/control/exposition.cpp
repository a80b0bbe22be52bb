// SPDX-License-Identifier: BSD-3-Clause
#include "control/exposition.hpp"

#include <fmt/format.h>
#include <rte_version.h>

#include "observe/metrics.hpp"

namespace mitibox {

namespace {

constexpr double kNano = 1e-9;

/// The snapshot leaves out levels that nobody has been at.
void add_levels(Metrics& metrics, const Insight& insight) {
  for (std::size_t level = 2; level < insight.policy->trust.partial.size() + 2; ++level)
    for (const char* verdict : {"passed", "diverted"}) {
      const std::string entry = fmt::format("level{}_{}", level, verdict);
      if (!insight.snapshot.has("trust", entry))
        metrics.add(
            "mitibox_attempts_total",
            metric_label("level", std::to_string(level)) + "," + metric_label("verdict", verdict),
            0);
    }
}

void add_workers(Metrics& metrics, const std::vector<Insight::Worker>& workers) {
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const Insight::Worker& w = workers[i];
    const std::string label = metric_label("worker", std::to_string(i));
    metrics.add("mitibox_worker_answers", label, w.answers ? 1 : 0);
    if (!w.answers) continue;
    metrics.add("mitibox_worker_polls_total", label, static_cast<double>(w.polls));
    std::uint64_t below = 0;
    for (std::size_t b = 0; b < w.buckets.size(); ++b) {
      below += w.buckets[b];
      const bool last = b + 1 == w.buckets.size();
      metrics.add(
          "mitibox_burst_seconds_bucket",
          label + "," +
              metric_label(
                  "le",
                  last ? "+Inf" : fmt::format("{:g}", kNano * static_cast<double>(Load::upper(b)))),
          static_cast<double>(below));
    }
    metrics.add("mitibox_burst_seconds_sum", label, kNano * static_cast<double>(w.busy_ns));
    metrics.add("mitibox_burst_seconds_count", label, static_cast<double>(below));
  }
}

template <class Row, class Name>
void add_top(Metrics& metrics, std::string_view metric, const std::vector<Row>& rows, Name name) {
  std::size_t named = 0;
  for (const Row& row : rows) {
    // In a flood one packet counts for many: whoever forged it must not choose a label.
    if (row.probes < kWorthNaming || row.seen < kSightings) continue;
    if (++named > kNamed) return;
    metrics.add(metric, name(row), static_cast<double>(row.probes));
  }
}

}  // namespace

std::string exposition(const Insight& insight) {
  Metrics metrics;
  metrics.add(
      "mitibox_build_info",
      metric_label("version", insight.status.version) + "," + metric_label("dpdk", rte_version()),
      1);
  metrics.add("mitibox_uptime_seconds", "", static_cast<double>(insight.status.uptime.count()));
  metrics.add("mitibox_workers", "", static_cast<double>(insight.workers.size()));
  for (const Side side : {Side::outside, Side::inside})
    metrics.add("mitibox_port_up", side == Side::outside ? R"(side="outside")" : R"(side="inside")",
                insight.status.ports[index(side)].up ? 1 : 0);
  metrics.add("mitibox_remarks", "", static_cast<double>(insight.status.warnings.size()));
  metrics.add(insight.snapshot);
  add_levels(metrics, insight);
  for (const Insight::Table& t : insight.tables())
    metrics.add("mitibox_table_capacity", metric_label("table", t.name),
                static_cast<double>(t.capacity));
  for (std::size_t i = 0; i < insight.levels.size(); ++i)
    metrics.add("mitibox_sources", metric_label("level", std::to_string(i + 1)),
                static_cast<double>(insight.levels[i]));
  add_workers(metrics, insight.workers);
  add_top(metrics, "mitibox_top_source_probes", insight.sources, [](const Insight::Source& s) {
    return metric_label("source", to_string(s.address)) + "," +
           metric_label("level", std::to_string(s.level));
  });
  add_top(metrics, "mitibox_top_destination_probes", insight.probed, [](const Insight::Probed& p) {
    return metric_label("address", to_string(p.destination.address)) + "," +
           metric_label("protocol", std::to_string(p.destination.protocol)) + "," +
           metric_label("port", std::to_string(p.destination.port));
  });
  return metrics.text();
}

}  // namespace mitibox
