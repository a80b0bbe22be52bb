// SPDX-License-Identifier: BSD-3-Clause
#include "control/regime.hpp"

#include <fmt/format.h>

#include <utility>

#include "chain/chain.hpp"
#include "control/box.hpp"

namespace mitibox {

namespace {

struct Obey : Errand {
  explicit Obey(Orders o) : orders(std::move(o)) {}
  void serve(Chain& chain, Now now) override { chain.obey(orders, now); }

  Orders orders;
};

}  // namespace

Regime::Regime(Config config)
    : config_(std::move(config)),
      policy_(config_.policy),
      file_(config_.file),
      ruleset_(std::make_shared<const Ruleset>(*policy_)) {}

std::shared_ptr<const Policy> Regime::policy() const {
  const std::lock_guard lock(mutex_);
  return policy_;
}

std::string Regime::file() const {
  const std::lock_guard lock(mutex_);
  return file_;
}

std::shared_ptr<const Ruleset> Regime::ruleset() const {
  const std::lock_guard lock(mutex_);
  return ruleset_;
}

std::vector<Bypass> Regime::bypasses() const {
  const std::lock_guard lock(mutex_);
  std::vector<Bypass> out;
  for (const Bypass& b : bypasses_.all())
    if (b.until > age()) out.push_back(b);
  return out;
}

void Regime::replace(Policy policy, const std::string& file) {
  const std::lock_guard lock(mutex_);
  if (const auto fixed = needs_restart(*policy_, policy); !fixed.empty())
    throw PolicyError(fmt::format("{}: {}: differs from what is in force, and takes a restart",
                                  file, fmt::join(fixed, ", ")));
  policy_ = std::make_shared<const Policy>(std::move(policy));
  file_ = file;
  apply();
}

void Regime::set_found(std::vector<Destination> found, bool learns, const Ask& ask) {
  const std::lock_guard lock(mutex_);
  found_ = std::move(found);
  learns_ = learns;
  apply(ask ? ask : config_.ask);
}

void Regime::begin(const Bypass& bypass) {
  const std::lock_guard lock(mutex_);
  expire();
  bypasses_.remove_if([&](const Bypass& b) {
    return b.source == bypass.source && b.to == bypass.to && b.port == bypass.port &&
           b.protocol == bypass.protocol;
  });
  if (!bypasses_.add(bypass))
    throw ControlError(
        fmt::format("{} bypasses are in force; expected fewer: end one", Bypasses::kMost));
  apply();
}

std::size_t Regime::end(const Prefix& source) {
  const std::lock_guard lock(mutex_);
  const std::size_t ended =
      bypasses_.remove_if([&](const Bypass& b) { return b.source == source; });
  expire();
  apply();
  return ended;
}

void Regime::expire() {
  bypasses_.remove_if([now = age()](const Bypass& b) { return b.until <= now; });
}

/// All orders are made before the first worker hears of any: a failure leaves all as they are.
void Regime::apply(const Ask& ask) {
  const auto rules = std::make_shared<const Ruleset>(*policy_, found_);
  std::vector<std::unique_ptr<Obey>> errands;
  for (unsigned i = 0; i < config_.workers; ++i) {
    Orders orders(*policy_, rules);
    orders.bypasses = bypasses_;
    const Policy::Learn& learn = policy_->learn;
    orders.learning = Learning(learn, learns_ && learn.length.count() != 0);
    errands.push_back(std::make_unique<Obey>(std::move(orders)));
  }
  ruleset_ = rules;
  std::string wrong;
  for (unsigned i = 0; i < config_.workers; ++i) {
    try {
      ask(i, *errands[i]);
      // What comes back is what was in force there.
      const Orders& old = errands[i]->orders;
      if (retired_) retired_(*old.ruleset, old.hits);
    } catch (const ControlError& e) {
      wrong = e.what();
    }
  }
  if (!wrong.empty()) throw ControlError(wrong);
}

}  // namespace mitibox
