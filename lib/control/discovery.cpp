// SPDX-License-Identifier: BSD-3-Clause
#include "control/discovery.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "chain/chain.hpp"
#include "control/box.hpp"
#include "policy/text.hpp"
#include "ruleset/nmap_scan.hpp"

namespace mitibox {

namespace {

constexpr Seconds kRound{10};  ///< between two collections of hits, and of what has expired

/// Takes the hits of some rows; ask until it is over.
struct TakeHits : Errand {
  static constexpr std::size_t kChunk = 512;

  explicit TakeHits(const Ruleset* r) : rules(r) {}
  void serve(Chain& chain, Now now) override {
    count = 0;
    first = next;
    asked_at = now.time;
    const std::span<Hit> all = chain.hits();
    over = chain.orders().ruleset.get() != rules || next >= all.size();
    if (over) return;
    for (; next < all.size() && count < kChunk; ++next)
      rows[count++] = std::exchange(all[next], Hit{});
    over = next == all.size();
  }

  const Ruleset* const rules;
  std::array<Hit, kChunk> rows;
  std::size_t first = 0, next = 0, count = 0;
  bool over = false;
  Time asked_at{};
};

std::string name_of(const Destination& d) {
  return fmt::format("{} {}/{}", to_string(d.address), d.port,
                     d.protocol == protocol::kUdp ? "udp" : "tcp");
}

}  // namespace

Discovery::Discovery(Regime& regime, Config config)
    : regime_(regime), config_(std::move(config)), policy_(regime.policy()), registry_(*policy_) {
  regime_.on_retired(
      [this](const Ruleset& rules, std::span<const Hit> hits) { retire(rules, hits); });
}

void Discovery::restore(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (const std::string wrong = registry_.restore(text); !wrong.empty())
    config_.say(fmt::format("services that were found are not restored: {}", wrong));
}

void Discovery::start(const Regime::Ask& ask) {
  const std::lock_guard lock(mutex_);
  const Date now = config_.date();
  look_at_scans(now);
  learns_ = registry_.learn(now);
  published_ = registry_.services(now);
  // Even when there are none: from now on all workers go by the same rules.
  regime_.set_found(published_, learns_, ask);
}

void Discovery::obey() {
  const auto policy = regime_.policy();
  if (policy == policy_) return;
  policy_ = policy;
  registry_.obey(*policy_);
}

void Discovery::tick(std::span<Findings* const> findings) {
  const std::lock_guard lock(mutex_);
  const Date now = config_.date();
  obey();
  take(findings, now);
  look_at_scans(now);
  if (!next_round_ || now >= *next_round_ || now + kRound < *next_round_) {
    next_round_ = now + kRound;
    try {
      collect(config_.ask);
    } catch (const ControlError&) {
      // Counts wait in the worker.
    }
    settle(now);
    registry_.age(now);
  }
  publish_or_say(now, config_.ask);
}

void Discovery::finish(std::span<Findings* const> findings, const Regime::Ask& ask) {
  const std::lock_guard lock(mutex_);
  const Date now = config_.date();
  take(findings, now);
  collect(ask);
  settle(now);
}

std::string Discovery::save() {
  const std::lock_guard lock(mutex_);
  settle(config_.date());
  return registry_.save();
}

void Discovery::take(std::span<Findings* const> findings, Date now) {
  std::array<Finding, 64> found;
  for (Findings* const f : findings)
    for (std::size_t left = Findings::kRing; left > 0;) {
      const std::size_t n = f->take(found);
      for (const Finding& one : std::span(found).first(n))
        if (registry_.note(one.destination, one.source, now))
          config_.say(fmt::format("learned that {} is a service", name_of(one.destination)));
      if (n < found.size()) break;
      left -= n;
    }
}

void Discovery::retire(const Ruleset& rules, std::span<const Hit> hits) {
  const std::lock_guard lock(hits_mutex_);
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (hits[i].count == 0) continue;
    const std::size_t services = rules.services().size();
    Hits& into = i < services ? listed_hits_[rules.services()[i].address]
                              : hits_[rules.found()[i - services]];
    into.count += hits[i].count;
    into.last = std::max(into.last, hits[i].last);
  }
}

void Discovery::collect(const Regime::Ask& ask) {
  const auto rules = regime_.ruleset();
  const std::size_t services = rules->services().size();
  for (unsigned i = 0; i < config_.workers; ++i) {
    TakeHits errand(rules.get());
    while (!errand.over) {
      ask(i, errand);
      const std::lock_guard lock(hits_mutex_);
      for (std::size_t k = 0; k < errand.count; ++k) {
        const Hit& hit = errand.rows[k];
        if (hit.count == 0) continue;
        const std::size_t row = errand.first + k;
        Hits& into = row < services ? listed_hits_[rules->services()[row].address]
                                    : hits_[rules->found()[row - services]];
        into.count += hit.count;
        into.last = std::max(into.last, hit.last);
      }
    }
  }
}

/// What was counted becomes part of what is known.
void Discovery::settle(Date now) {
  const Time age = regime_.age();
  const auto date = [&](Time t) {
    return now - std::chrono::duration_cast<Seconds>(std::max(age - t, Time{}));
  };
  const std::lock_guard lock(hits_mutex_);
  for (const auto& [destination, h] : hits_) registry_.hit(destination, h.count, date(h.last));
  for (const auto& [address, h] : listed_hits_) {
    Listed& listed = listed_[address];
    listed.hits += h.count;
    listed.last = date(h.last);
  }
  hits_.clear();
  listed_hits_.clear();
}

void Discovery::look_at_scans(Date now) {
  std::erase_if(watched_, [&](const auto& item) {
    return std::none_of(policy_->imports.begin(), policy_->imports.end(),
                        [&](const Policy::Import& i) { return i.file == item.first; });
  });
  for (const Policy::Import& i : policy_->imports) look_at(i, watched_[i.file], now);
}

void Discovery::look_at(const Policy::Import& import, Watched& w, Date now) {
  if (w.next && now < *w.next && *w.next <= now + import.every) return;
  w.next = now + import.every;
  struct stat about {};
  const bool there = ::stat(import.file.c_str(), &about) == 0;
  const std::int64_t changed = about.st_ctim.tv_sec * 1'000'000'000L + about.st_ctim.tv_nsec;
  if (there && changed == w.changed && about.st_size == w.size && about.st_ino == w.inode) return;
  w.changed = changed;
  w.size = there ? about.st_size : -1;
  w.inode = about.st_ino;
  try {
    const NmapScan scan = read_nmap_scan(import.file);
    const Registry::Import done =
        registry_.import(import.file, scan.start, import.expire, scan.open, now);
    w.broken = false;
    if (done.expired)
      config_.say(fmt::format("{}: the scan is older than {}, and nothing of it counts",
                              policy_text::printable(import.file),
                              policy_text::to_string(import.expire)));
    else if (done.added != 0 || done.full != 0)
      config_.say(fmt::format("{}: {} services are new, {} known, {} find no room",
                              policy_text::printable(import.file), done.added, done.renewed,
                              done.full));
  } catch (const ScanError& e) {
    if (!std::exchange(w.broken, true))
      config_.say(fmt::format("{}; the list of services stays as it is", e.what()));
  }
}

void Discovery::publish(Date now, const Regime::Ask& ask) {
  const bool learns = registry_.learn(now);
  std::vector<Destination> services = registry_.services(now);
  const Registry::Order order;
  const auto same = [&](const Destination& a, const Destination& b) {
    return !order(a, b) && !order(b, a);
  };
  if (learns == learns_ && services.size() == published_.size() &&
      std::equal(services.begin(), services.end(), published_.begin(), same))
    return;
  regime_.set_found(services, learns, ask);
  published_ = std::move(services);
  learns_ = learns;
}

/// What cannot be put in force now will be tried again.
void Discovery::publish_or_say(Date now, const Regime::Ask& ask) {
  try {
    publish(now, ask);
    failing_ = false;
  } catch (const ControlError& e) {
    if (!std::exchange(failing_, true))
      config_.say(fmt::format("services that were found are not in force: {}", e.what()));
  }
}

void Discovery::change(const std::function<void(Date)>& what) {
  const std::lock_guard lock(mutex_);
  const Date now = config_.date();
  obey();
  what(now);
  publish(now, config_.ask);
}

void Discovery::pin(const Destination& d) {
  change([&](Date) {
    if (!registry_.pin(d))
      throw ControlError(fmt::format("{} is not among the services that were found", name_of(d)));
  });
}

void Discovery::refuse(const Destination& d) {
  change([&](Date now) {
    if (!registry_.refuse(d, now))
      throw ControlError("the list of services is full; forget some first");
  });
}

void Discovery::forget(const Destination& d) {
  change([&](Date) {
    if (!registry_.forget(d))
      throw ControlError(fmt::format("{} is not among the services that were found", name_of(d)));
  });
}

Discovery::Imported Discovery::import(const std::string& file) {
  Imported out;
  change([&](Date now) {
    try {
      const NmapScan scan = read_nmap_scan(file);
      Policy::Import rules;
      for (const Policy::Import& i : policy_->imports)
        if (i.file == file) rules = i;
      out.scanned = scan.start;
      out.open = scan.open.size();
      out.done = registry_.import(file, scan.start, rules.expire, scan.open, now);
      if (out.done.expired)
        throw ControlError(fmt::format("{}: the scan is older than {}, and nothing of it counts",
                                       policy_text::printable(file),
                                       policy_text::to_string(rules.expire)));
    } catch (const ScanError& e) {
      throw ControlError(e.what());
    }
  });
  return out;
}

Discovery::Report Discovery::report() {
  const std::lock_guard lock(mutex_);
  const Date now = config_.date();
  collect(config_.ask);
  settle(now);
  Report r;
  r.listed = listed_;
  for (const auto& [destination, entry] : registry_.entries())
    r.found.push_back({destination, entry, registry_.in_force(destination, entry, now)});
  r.candidates = registry_.candidates();
  r.dropped = registry_.dropped();
  if (registry_.learning(now))
    r.learning_until = *registry_.learning_since() + policy_->learn.length;
  return r;
}

std::optional<FoundService> Discovery::find(const Destination& destination) {
  const std::lock_guard lock(mutex_);
  const FoundService* const entry = registry_.find(destination);
  return entry == nullptr ? std::nullopt : std::optional(*entry);
}

std::optional<Date> Discovery::learning_until() {
  const std::lock_guard lock(mutex_);
  if (!registry_.learning(config_.date())) return std::nullopt;
  return *registry_.learning_since() + policy_->learn.length;
}

}  // namespace mitibox
