// SPDX-License-Identifier: BSD-3-Clause
#include "control/http_pages.hpp"

#include <algorithm>
#include <utility>

#include "control/exposition.hpp"
#include "control/levels.hpp"
#include "control/live.hpp"

namespace mitibox {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMetrics = "text/plain; version=0.0.4; charset=utf-8";

auto shared(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

}  // namespace

HttpPages::HttpPages(Box& box, std::span<const StaticFile> files, std::chrono::milliseconds fresh,
                     std::function<Clock::time_point()> now)
    : box_(box), fresh_(fresh), now_(std::move(now)), reasons_(shared(reasons_json())) {
  for (const StaticFile& f : files) files_.push_back({&f, shared(std::string(f.bytes))});
}

void HttpPages::refresh() {
  if (now_() < until_) return;
  insight_ = gather(box_);
  count_levels();
  metrics_ = live_ = nullptr;
  // A worker that is slow to answer is not asked all the more for it.
  until_ = now_() + fresh_;
}

/// Ten times as seldom as the rest: it looks at every source.
void HttpPages::count_levels() {
  const auto answers = [](const Insight::Worker& w) { return w.answers; };
  if (now_() >= levels_until_ &&
      std::all_of(insight_.workers.begin(), insight_.workers.end(), answers))
    try {
      levels_ = mitibox::count_levels(box_);
      levels_until_ = now_() + 10 * fresh_;
    } catch (const ControlError&) {
      levels_.clear();  // known no longer
    }
  insight_.levels = levels_;
}

HttpAnswer HttpPages::answer(std::string_view target) {
  if (target == "/metrics") {
    refresh();
    if (metrics_ == nullptr) metrics_ = shared(exposition(insight_));
    return {200, kMetrics, metrics_};
  }
  if (target == "/api/live") {
    refresh();
    if (live_ == nullptr) live_ = shared(live_json(insight_));
    return {200, kJson, live_};
  }
  if (target == "/api/reasons") return {200, kJson, reasons_};
  const std::string_view path = target == "/" ? "/index.html" : target;
  for (const File& f : files_)
    if (f.file->path == path) return {200, f.file->type, f.body};
  return http_error(404);
}

}  // namespace mitibox
