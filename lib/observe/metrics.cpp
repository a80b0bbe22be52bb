// SPDX-License-Identifier: BSD-3-Clause
#include "observe/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>

#include "observe/metric_rows.hpp"

namespace mitibox {

namespace {

/// A row of the snapshot's names that fits.
struct Match {
  const SnapshotMetric* row;
  std::string_view star;  ///< what stands for the asterisk
};

std::optional<Match> match(std::string_view group, std::string_view entry) {
  for (const SnapshotMetric& m : kSnapshotMetrics) {
    if (m.group != group) continue;
    const auto star = m.entry.find('*');
    if (star == m.entry.npos) {
      if (m.entry == entry) return Match{&m, {}};
      continue;
    }
    const std::string_view before = m.entry.substr(0, star);
    const std::string_view after = m.entry.substr(star + 1);
    if (entry.size() > before.size() + after.size() && entry.starts_with(before) &&
        entry.ends_with(after))
      return Match{&m, entry.substr(before.size(), entry.size() - before.size() - after.size())};
  }
  return std::nullopt;
}

std::string with_star(std::string_view labels, std::string_view star) {
  std::string out(labels);
  const auto at = out.find('*');
  if (at == out.npos) return out;
  std::string value(star);
  // The snapshot writes the names of reasons as it writes all names.
  if (labels.starts_with("reason=")) std::replace(value.begin(), value.end(), '_', '-');
  return out.replace(at, 1, value);
}

std::string number(double value) {
  constexpr double kExact = 9007199254740992;  // 2^53
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  if (std::floor(value) == value && std::abs(value) < kExact)
    return fmt::format("{}", static_cast<std::int64_t>(value));
  return fmt::format("{}", value);
}

std::size_t row_of(std::string_view name) {
  const auto rows = metric_rows();
  const auto named = [&](std::string_view n) {
    const auto at = std::find_if(rows.begin(), rows.end(), [&](auto& r) { return r.name == n; });
    return static_cast<std::size_t>(at - rows.begin());
  };
  std::size_t row = named(name);
  for (const std::string_view part : {"_bucket", "_sum", "_count"})
    if (row == rows.size() && name.ends_with(part)) {
      row = named(name.substr(0, name.size() - part.size()));
      if (row != rows.size() && rows[row].type != MetricType::histogram) row = rows.size();
    }
  return row;
}

}  // namespace

std::span<const MetricRow> metric_rows() {
  return kMetricRows;
}

std::string_view to_string(MetricType type) {
  switch (type) {
    case MetricType::counter:
      return "counter";
    case MetricType::gauge:
      return "gauge";
    case MetricType::histogram:
      return "histogram";
  }
  return "untyped";
}

std::string metric_label(std::string_view name, std::string_view value) {
  std::string out(name);
  out += "=\"";
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

Metrics::Metrics() : samples_(metric_rows().size()) {}

void Metrics::add(std::string_view name, std::string_view labels, double value) {
  const std::size_t row = row_of(name);
  if (row == samples_.size())
    throw std::logic_error(fmt::format("no metric is declared as {}", name));
  samples_[row].push_back({std::string(name), std::string(labels), value});
}

void Metrics::add(const Snapshot& snapshot) {
  for (const auto& group : snapshot.groups) {
    if (group.name == "reasons") {  // in the order of their declaration
      for (std::size_t i = 0; i < std::min(group.entries.size(), kReasons.size()); ++i)
        add(kReasons[i].kind == ReasonKind::drop ? "mitibox_dropped_frames_total"
                                                 : "mitibox_consumed_frames_total",
            metric_label("reason", kReasons[i].name), static_cast<double>(group.entries[i].value));
      continue;
    }
    for (const auto& e : group.entries) {
      const auto value = static_cast<double>(e.value);
      const auto m = match(group.name, e.name);
      if (m && m->row->metric.empty()) continue;
      if (m)
        add(m->row->metric, with_star(m->row->labels, m->star), value * m->row->unit);
      else
        add("mitibox_undescribed",
            metric_label("group", group.name) + "," + metric_label("entry", e.name), value);
    }
  }
}

std::string Metrics::text() const {
  std::string out;
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    if (samples_[i].empty()) continue;
    const MetricRow& row = kMetricRows[i];
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", row.name, row.help, row.name,
                       to_string(row.type));
    for (const Sample& s : samples_[i])
      out += s.labels.empty() ? fmt::format("{} {}\n", s.name, number(s.value))
                              : fmt::format("{}{{{}}} {}\n", s.name, s.labels, number(s.value));
  }
  return out;
}

}  // namespace mitibox
