// SPDX-License-Identifier: BSD-3-Clause
#include "ruleset/registry.hpp"

#include <algorithm>
#include <iterator>

#include "policy/text.hpp"
#include "ruleset/teaching_prefix.hpp"

namespace mitibox {

void Registry::obey(const Policy& policy) {
  protected_ = PrefixSet(policy.protected_prefixes);
  gateways_ = policy.gateways;
  rules_ = policy.learn;
  monitors_ = policy.mode == Policy::Mode::monitor;
}

bool Registry::learning(Date now) const {
  // A clock that was set back does not prolong it beyond a second period.
  return since_ && rules_.length.count() != 0 && now < *since_ + rules_.length;
}

bool Registry::learn(Date now) {
  if (rules_.length.count() == 0) {
    since_.reset();
    candidates_.clear();
    return false;
  }
  if (!since_ && monitors_) return false;
  if (!since_) since_ = now;
  since_ = std::min(*since_, now);
  if (learning(now)) return true;
  candidates_.clear();
  return false;
}

bool Registry::covers(const Destination& d) const {
  if (d.protocol != protocol::kTcp && d.protocol != protocol::kUdp) return false;
  return d.port != 0 && protected_.contains(d.address) &&
         std::find(gateways_.begin(), gateways_.end(), d.address) == gateways_.end();
}

FoundService* Registry::make(const Destination& destination, Date now) {
  if (entries_.size() >= kEntries) {
    ++dropped_;
    return nullptr;
  }
  FoundService& made = entries_[destination];
  made.first_seen = made.last_seen = now;
  return &made;
}

bool Registry::note(const Destination& destination, const Address& source, Date now) {
  if (destination.protocol != protocol::kTcp || !covers(destination) || !learning(now))
    return false;
  const auto known = entries_.find(destination);
  if (known != entries_.end()) {
    FoundService& entry = known->second;
    if (entry.state == FoundService::State::refused) return false;
    entry.last_seen = std::max(entry.last_seen, now);
    if (entry.prefixes != 0) return false;
  }
  auto at = candidates_.find(destination);
  if (at == candidates_.end()) {
    if (candidates_.size() >= kCandidates) {
      ++dropped_;
      return false;
    }
    at = candidates_.try_emplace(destination).first;
  }
  std::vector<Address>& prefixes = at->second.prefixes;
  const Address prefix = teaching_prefix(source);
  if (std::find(prefixes.begin(), prefixes.end(), prefix) == prefixes.end())
    prefixes.push_back(prefix);
  if (prefixes.size() < rules_.prefixes) return false;
  FoundService* const entry = known == entries_.end() ? make(destination, now) : &known->second;
  if (entry == nullptr) return false;
  entry->prefixes = static_cast<std::uint8_t>(prefixes.size());
  candidates_.erase(at);
  return true;
}

Registry::Import Registry::import(std::string_view file, Date scanned, Seconds expire,
                                  std::span<const Destination> open, Date now) {
  Import done;
  scanned = std::min(scanned, now);  // a clock that is fast makes no scan last longer
  if (scanned + expire <= now) {
    done.expired = true;
    return done;
  }
  const std::string name = policy_text::printable(file, kFileName).substr(0, kFileName);
  for (const Destination& d : open) {
    if (!covers(d)) {
      ++done.foreign;
      continue;
    }
    const auto known = entries_.find(d);
    if (known != entries_.end() && known->second.state == FoundService::State::refused) {
      ++done.refused;
      continue;
    }
    FoundService* const entry = known == entries_.end() ? make(d, scanned) : &known->second;
    if (entry == nullptr) {
      ++done.full;
      continue;
    }
    ++(entry->imported() ? done.renewed : done.added);
    if (entry->imported() && entry->scanned > scanned) continue;
    entry->file = name;
    entry->scanned = scanned;
    entry->scan_expires = scanned + expire;
    entry->last_seen = std::max(entry->last_seen, scanned);
  }
  return done;
}

void Registry::hit(const Destination& destination, std::uint64_t count, Date last) {
  const auto at = entries_.find(destination);
  if (at == entries_.end()) return;
  at->second.hits += count;
  at->second.last_seen = std::max(at->second.last_seen, last);
}

std::size_t Registry::age(Date now) {
  std::size_t gone = 0;
  for (auto at = entries_.begin(); at != entries_.end();) {
    FoundService& e = at->second;
    const bool normal = e.state == FoundService::State::normal;
    if (normal && e.prefixes != 0 && e.last_seen + rules_.expire <= now) e.prefixes = 0;
    if (normal && e.imported() && e.scan_expires <= now) e.file.clear();
    const bool over = normal && e.prefixes == 0 && !e.imported();
    at = over ? entries_.erase(at) : std::next(at);
    gone += over ? 1 : 0;
  }
  return gone;
}

bool Registry::pin(const Destination& destination) {
  const auto at = entries_.find(destination);
  if (at == entries_.end()) return false;
  at->second.state = FoundService::State::pinned;
  return true;
}

bool Registry::refuse(const Destination& destination, Date now) {
  candidates_.erase(destination);
  const auto at = entries_.find(destination);
  FoundService* const entry = at == entries_.end() ? make(destination, now) : &at->second;
  if (entry == nullptr) return false;
  entry->state = FoundService::State::refused;
  return true;
}

bool Registry::forget(const Destination& destination) {
  candidates_.erase(destination);
  return entries_.erase(destination) != 0;
}

const FoundService* Registry::find(const Destination& destination) const {
  const auto at = entries_.find(destination);
  return at == entries_.end() ? nullptr : &at->second;
}

bool Registry::in_force(const Destination& destination, const FoundService& e, Date now) const {
  if (!covers(destination) || e.state == FoundService::State::refused) return false;
  return e.state == FoundService::State::pinned ||
         (e.prefixes != 0 && e.last_seen + rules_.expire > now) ||
         (e.imported() && e.scan_expires > now);
}

std::vector<Destination> Registry::services(Date now) const {
  std::vector<Destination> out;
  for (const auto& [destination, entry] : entries_)
    if (in_force(destination, entry, now)) out.push_back(destination);
  return out;
}

}  // namespace mitibox
