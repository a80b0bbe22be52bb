// SPDX-License-Identifier: BSD-3-Clause
/// What the box counts, in the words of Prometheus (text format 0.0.4).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "observe/snapshot.hpp"

namespace mitibox {

enum class MetricType : std::uint8_t { counter, gauge, histogram };

/// A metric and all that is said of it; docs/metrics.md lists the same.
struct MetricRow {
  std::string_view name;
  MetricType type;
  std::string_view labels;  ///< their names, for the reader
  std::string_view help;
};
std::span<const MetricRow> metric_rows();
std::string_view to_string(MetricType type);

/// Collects samples in any order, and writes them metric by metric.
class Metrics {
 public:
  Metrics();

  /// `labels` as they stand in the format: `side="outside"`. `name` has to be that of a row; of a
  /// histogram with _bucket, _sum or _count behind it.
  void add(std::string_view name, std::string_view labels, double value);
  /// All of it: an entry that no metric is declared for becomes mitibox_undescribed.
  void add(const Snapshot& snapshot);

  [[nodiscard]] std::string text() const;

 private:
  struct Sample {
    std::string name;
    std::string labels;
    double value;
  };
  std::vector<std::vector<Sample>> samples_;  ///< by row
};

/// name="value", with the value made fit for the format.
std::string metric_label(std::string_view name, std::string_view value);

}  // namespace mitibox
