// SPDX-License-Identifier: BSD-3-Clause
#include "life.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "base/key_file.hpp"
#include "base/say.hpp"

namespace mitibox {

namespace {

/// A run with a fixed key or one that ends by itself is for comparison, and begins with nothing.
bool keeps_state(const Policy& policy, const Options& options) {
  return policy.state.save_every.count() != 0 && !options.key && options.until_idle.count() == 0;
}

}  // namespace

Life::Life(const Policy& policy, const Options& options)
    : policy_(policy), manager_(std::getenv("NOTIFY_SOCKET")) {
  if (keeps_state(policy, options)) {
    folder_.emplace(options.state);
    if (!folder_->wrong().empty())
      say(fmt::format("nothing is kept: {}; what is learnt ends with this process",
                      folder_->wrong()));
    image_ = folder_->read();
  }
  read_secrets(options);
  if (folder_)
    for (const std::string& remark : folder_->take_remarks()) say(remark);
  if (const auto span =
          ServiceManager::watchdog(std::getenv("WATCHDOG_USEC"), std::getenv("WATCHDOG_PID")))
    watchdog_ = *span;
}

void Life::read_secrets(const Options& options) {
  if (options.key) {
    secrets_ = Secrets::derive(*options.key);
    return;
  }
  secrets_ =
      folder_ ? Secrets::derive(folder_->key(), random_key()) : Secrets::derive(random_key());
  // Decoys that move between two scans are told from services that stay.
  if (policy_.reply.surface != Policy::Surface::sparse) return;
  try {
    secrets_.surface = kept_key(std::filesystem::path(options.state) / "surface.key");
  } catch (const std::runtime_error& e) {
    say(fmt::format("{}; decoys lie elsewhere in this run", e.what()));
  }
}

Time Life::age() const {
  if (!image_) return {};
  const Pause pause = pause_between(image_->saved, Moment::now({}));
  if (!pause.remark.empty()) say(fmt::format("{}: {}", folder_->file().string(), pause.remark));
  return image_->saved.age + pause.span;
}

std::optional<std::string> Life::text(const std::string& section) const {
  const Section* const s = image_ ? image_->find(section) : nullptr;
  if (s == nullptr) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(s->bytes.data()), s->bytes.size());
}

void Life::prepare(const Owner& owner, unsigned workers) {
  layout_ = trust_layout(policy_, secrets_, owner, workers);
  if (!image_) return;
  trust_ = read_sections(*image_, policy_, layout_);
  for (const std::string& remark : trust_.remarks)
    say(fmt::format("{}: {}", folder_->file().string(), remark));
}

void Life::begin(const Run& run) {
  const RestoredTrust& r = run.restored;
  if (r.sources + r.cells + r.expired != 0)
    print_out(fmt::format(
        "distrust of the run before: of {} proven sources and {} suspects goes on, of {} is "
        "over\n",
        r.sources, r.cells, r.expired));
  trust_ = {};
  image_.reset();
  clock_ = run.clock;
  const Time now = clock_->read().time;
  if (folder_ && folder_->wrong().empty()) {
    TrustState frame;
    frame.ipv4_prefix = policy_.trust.ipv4_prefix;
    frame.ipv6_prefix = policy_.trust.ipv6_prefix;
    frame.layout = layout_;
    keeper_.emplace(*folder_, StateKeeper::Config{.workers = run.workers,
                                                  .frame = std::move(frame),
                                                  .every = policy_.state.save_every,
                                                  .age = [this] { return clock_->read().time; },
                                                  .ask = run.ask,
                                                  .say = say});
    keeper_->start();
    reachable_.store(&*keeper_, std::memory_order_release);
  }
  if (policy_.link.mirror) {
    for (const Side side : {Side::outside, Side::inside})
      links_[index(side)] = link_of(run.ports.id(side));
    mirror_.emplace(*links_[index(Side::outside)], *links_[index(Side::inside)], now);
  }
  // Twice in the time that systemd grants, as sd_watchdog_enabled(3) asks.
  heartbeat_.emplace(run.workers, watchdog_.value_or(std::chrono::seconds(10)) / 2);
}

void Life::tick(std::span<const std::uint64_t> polls) {
  const Time now = clock_->read().time;
  watch_links(now);
  feed(polls, now);
}

void Life::watch_links(Time now) {
  if (!mirror_) return;
  for (const std::string& line : mirror_->poll(now)) say(line);
}

void Life::feed(std::span<const std::uint64_t> polls, Time now) {
  const bool beat = heartbeat_->beat(polls, now);
  if (beat && !ready_) ready_ = manager_.tell("READY=1") || !manager_.present();
  if (beat && watchdog_) manager_.tell("WATCHDOG=1");
  if (!ready_) return;
  if (const auto still = heartbeat_->standing_still(std::chrono::seconds(1), now))
    manager_.status(fmt::format("worker {} stands still", *still));
  else if (mirror_ && (mirror_->is_cut(Side::outside) || mirror_->is_cut(Side::inside)))
    manager_.status("forwarding; a link is down, and the other is cut");
  else
    manager_.status("forwarding");
}

void Life::stopping() {
  manager_.tell("STOPPING=1");
}

void Life::release() {
  reachable_.store(nullptr, std::memory_order_release);
  keeper_.reset();
}

void Life::end(const Ask& ask) {
  if (keeper_) keeper_->finish(ask);
  if (mirror_) mirror_->end();
}

}  // namespace mitibox
