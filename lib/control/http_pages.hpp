// SPDX-License-Identifier: BSD-3-Clause
/// Metrics and the live page over HTTP.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/box.hpp"
#include "control/http_head.hpp"
#include "control/insight.hpp"

namespace mitibox {

/// A part of the page that never changes.
struct StaticFile {
  std::string_view path;  ///< "/live.js"
  std::string_view type;
  std::string_view bytes;
};

/// "/metrics", "/api/live", "/api/reasons", and the files. Between two times that the workers are
/// asked lies at least `fresh`, however many look and however long the answers take. One thread at
/// a time.
class HttpPages {
 public:
  using Clock = std::chrono::steady_clock;

  /// `box` and `files` must outlive it. "/index.html" is "/" as well. `now`: what time it is.
  HttpPages(Box& box, std::span<const StaticFile> files,
            std::chrono::milliseconds fresh = std::chrono::seconds(1),
            std::function<Clock::time_point()> now = Clock::now);

  HttpAnswer answer(std::string_view target);

 private:
  using Body = std::shared_ptr<const std::string>;

  void refresh();
  void count_levels();

  Box& box_;
  const std::chrono::milliseconds fresh_;
  const std::function<Clock::time_point()> now_;
  Body reasons_;
  struct File {
    const StaticFile* file;
    Body body;
  };
  std::vector<File> files_;
  Clock::time_point until_{};
  Clock::time_point levels_until_{};
  std::vector<std::uint64_t> levels_;
  Insight insight_;
  Body metrics_, live_;  ///< of `insight_`, once asked for
};

}  // namespace mitibox
