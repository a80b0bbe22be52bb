// SPDX-License-Identifier: BSD-3-Clause
/// Metrics and the live page over HTTP.
#pragma once

#include <chrono>
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

/// "/metrics", "/api/live", "/api/reasons", and the files. The workers are asked at most once in
/// `fresh`, however many look. One thread at a time.
class HttpPages {
 public:
  /// `box` and `files` must outlive it. "/index.html" is "/" as well.
  HttpPages(Box& box, std::span<const StaticFile> files,
            std::chrono::milliseconds fresh = std::chrono::seconds(1));

  HttpAnswer answer(std::string_view target);

 private:
  using Clock = std::chrono::steady_clock;
  using Body = std::shared_ptr<const std::string>;

  void refresh();
  void count_levels(Clock::time_point now);

  Box& box_;
  const std::chrono::milliseconds fresh_;
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
