// SPDX-License-Identifier: BSD-3-Clause
#include "state/keeper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "state/trust_sections.hpp"

namespace mitibox {

namespace {

Section section_of(const StateKeeper::Part& part) {
  const std::string text = part.save();
  Section s{part.name, part.version, Bytes(text.size())};
  if (!text.empty()) std::memcpy(s.bytes.data(), text.data(), text.size());
  return s;
}

}  // namespace

StateKeeper::StateKeeper(StateFolder& folder, Config config)
    : folder_(folder), config_(std::move(config)) {}

StateKeeper::~StateKeeper() {
  stop();
}

void StateKeeper::add(Part part) {
  const std::lock_guard lock(saving_);
  parts_.push_back(std::move(part));
}

StateKeeper::Saved StateKeeper::save() {
  return save(config_.ask, When::always);
}

StateKeeper::Saved StateKeeper::save(const Ask& ask, When when) {
  const std::lock_guard lock(saving_);
  TrustState trust = config_.frame;
  Image image;
  gather(trust, config_.workers, ask);
  image.saved = Moment::now(config_.age());
  add_sections(image, trust);
  for (const Part& part : parts_) image.sections.push_back(section_of(part));
  if (when == When::always || image.sections != last_) folder_.write(image);
  Saved saved{trust.sources.size(), trust.cells.size(), 0, folder_.file().string()};
  for (const Section& s : image.sections) saved.bytes += s.bytes.size();
  last_ = std::move(image.sections);
  return saved;
}

void StateKeeper::save_and_say(const Ask& ask) {
  std::string wrong;
  try {
    save(ask, When::if_changed);
  } catch (const std::exception& e) {
    wrong = e.what();
  }
  if (!wrong.empty() && !failing_)
    config_.say(fmt::format("state cannot be saved: {}", wrong));
  else if (wrong.empty() && failing_)
    config_.say("state can be saved again");
  failing_ = !wrong.empty();
}

void StateKeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void StateKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, config_.every, [this] { return stop_; })) {
    lock.unlock();
    save_and_say(config_.ask);
    lock.lock();
  }
}

void StateKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void StateKeeper::finish(const Ask& ask) {
  stop();
  save_and_say(ask);
}

}  // namespace mitibox
