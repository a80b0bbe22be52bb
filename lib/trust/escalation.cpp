// SPDX-License-Identifier: BSD-3-Clause
#include "trust/escalation.hpp"

#include <algorithm>

namespace mitibox {

namespace {

constexpr unsigned kWhole = 128;  ///< bits: a source, not a prefix of sources

}  // namespace

Escalation::Escalation(const Policy& policy, const Store& store)
    : key_(store.key),
      capacity_(std::max(1U, store.capacity)),
      index_({store.name + "-index", kSourcesOption}, capacity_),
      records_(capacity_, {store.name + "-records", kSourcesOption}) {
  const Policy::Escalate& rule = policy.trust.escalate;
  const auto add = [&](std::vector<Length>& lengths, bool v4, unsigned bits) {
    const unsigned before = lengths.empty()
                                ? (v4 ? policy.trust.ipv4_prefix : policy.trust.ipv6_prefix)
                                : lengths.back().bits;
    if (bits >= before) return;
    const unsigned needed = rule.needed(lengths.size());
    lengths.push_back({SourceMask::of(v4, bits), bits, needed, needed / rule.count});
  };
  for (const unsigned bits : rule.ipv4) add(lengths_[0], true, bits);
  for (const unsigned bits : rule.ipv6) add(lengths_[1], false, bits);
  for (std::uint32_t i = 0; i < capacity_; ++i) records_[i].links.next = i + 1;
}

unsigned Escalation::members(const Record& r, Time over) {
  return static_cast<unsigned>(
      std::ranges::count_if(places(r), [over](const Place& p) { return p.start > over; }));
}

const Distrusted* Escalation::find(const Source& source) const {
  const Distrusted* latest = nullptr;
  for (const Length& length : lengths_[family(source)]) {
    const Record* const r = lookup(source & length.mask, length.bits);
    if (r == nullptr || r->start == kNever) continue;
    if (latest == nullptr || r->start >= latest->start) latest = r;
  }
  return latest;
}

Escalation::Change Escalation::note(const SavedSource& source, Time over) {
  Change change;
  Place proven{source.start, hash(source.source, kWhole), 0};
  proven.member = proven.source;
  for (const Length& length : lengths_[family(source.source)]) {
    if (length.bits < source.member_of) break;
    const Source prefix = source.source & length.mask;
    Record* const r = obtain(prefix, length, change);
    if (r == nullptr) break;
    expire(*r, over);
    const bool before = r->start != kNever;
    prove(*r, length, proven);
    if (!before && r->start != kNever) {
      ++change.count;
      change.bits = length.bits;
      change.members = length.needed;
    }
    proven.member = hash(prefix, length.bits);
  }
  return change;
}

std::uint32_t Escalation::member_of(const Source& source, Time start) const {
  const std::uint32_t own = hash(source, kWhole);
  std::uint32_t member = own;
  unsigned bits = kWhole;
  for (const Length& length : lengths_[family(source)]) {
    const Source prefix = source & length.mask;
    const Record* const r = lookup(prefix, length.bits);
    if (r == nullptr) return bits;
    const bool known = std::ranges::any_of(
        places(*r), [own](const Place& p) { return p.start != kNever && p.source == own; });
    // Later ones may have taken its place: they count whether it does or not.
    if (!known && start > place_of(*r, length, member).start) return bits;
    member = hash(prefix, length.bits);
    bits = length.bits;
  }
  return 0;
}

unsigned Escalation::forgive(const Source& source, bool prefixes) {
  unsigned forgiven = 0;
  for (const Length& length : lengths_[family(source)]) {
    const std::int32_t i = size_ == 0 ? -1 : position(source & length.mask, length.bits);
    if (i < 0) continue;
    Record& r = records_[static_cast<std::uint32_t>(i)];
    const bool before = r.start != kNever;
    clear(r, hash(source, kWhole));
    if (before && (prefixes || r.start == kNever)) ++forgiven;
    if (prefixes || members(r, kNever) == 0) erase(static_cast<std::uint32_t>(i));
  }
  return forgiven;
}

/// The record of a prefix; nullptr when it cannot be had.
Escalation::Record* Escalation::obtain(const Source& prefix, const Length& length, Change& change) {
  if (const std::int32_t known = position(prefix, length.bits); known >= 0) {
    order_.to_back(records(), static_cast<std::uint32_t>(known));
    return &records_[static_cast<std::uint32_t>(known)];
  }
  if (size_ == capacity_) {
    change.displaced |= records_[order_.first()].start != kNever;
    erase(order_.first());
  }
  const std::uint32_t i = free_;
  // Not to be expected: hashes that are keyed leave buckets to chain.
  if (!index_.insert(hash(prefix, length.bits), i)) return nullptr;
  Record& r = records_[i];
  free_ = r.links.next;
  r.source = prefix;
  r.bits = length.bits;
  r.needed = length.needed;
  r.start = kNever;
  r.places.fill({kNever, 0, 0});
  order_.push_back(records(), i);
  ++size_;
  return &r;
}

const Escalation::Place& Escalation::place_of(const Record& r, const Length& length,
                                              std::uint32_t member) {
  const Place* oldest = &r.places[0];
  const Place* own = nullptr;
  unsigned share = 0;
  for (const Place& p : places(r)) {
    if (p.start < oldest->start) oldest = &p;
    if (p.start == kNever || p.member != member) continue;
    ++share;
    if (own == nullptr || p.start < own->start) own = &p;
  }
  return share < length.share ? *oldest : *own;
}

/// Of those proven latest; the others are not needed to know since when it is distrusted.
void Escalation::prove(Record& r, const Length& length, const Place& proven) {
  for (Place& p : places(r)) {
    if (p.start == kNever || p.source != proven.source) continue;
    p.start = proven.start;
    return settle(r);
  }
  const Place& place = place_of(r, length, proven.member);
  if (proven.start <= place.start) return;
  r.places[static_cast<std::size_t>(&place - r.places.data())] = proven;
  settle(r);
}

void Escalation::expire(Record& r, Time over) {
  for (Place& p : places(r))
    if (p.start <= over) p.start = kNever;
  settle(r);
}

void Escalation::clear(Record& r, std::uint32_t source) {
  for (Place& p : places(r))
    if (p.source == source) p.start = kNever;
  settle(r);
}

void Escalation::settle(Record& r) {
  const bool before = r.start != kNever;
  r.start = std::ranges::min(places(r), {}, &Place::start).start;
  std::uint32_t& distrusted = distrusted_[family(r.source)];
  distrusted += (r.start != kNever ? 1U : 0U) - (before ? 1U : 0U);
}

void Escalation::erase(std::uint32_t i) {
  Record& r = records_[i];
  index_.erase(hash(r.source, r.bits), i);
  if (r.start != kNever) --distrusted_[family(r.source)];
  order_.remove(records(), i);
  r.links.next = free_;
  free_ = i;
  --size_;
}

void Escalation::forget(Time now, Time span, std::uint32_t budget) {
  while (size_ != 0 && budget-- > 0) {
    const std::uint32_t i = order_.first();
    const Record& r = records_[i];
    const Time latest = std::ranges::max(places(r), {}, &Place::start).start;
    if (latest <= now - span)
      erase(i);
    else if (latest > now)  // by hand, for longer than evidence does: no hindrance to the others
      order_.to_back(records(), i);
    else
      return;
  }
}

std::size_t Escalation::memory_bytes(std::uint32_t capacity) {
  constexpr std::size_t kOverhead = 1024;  // allocator, rounding
  const std::uint32_t n = std::max(1U, capacity);
  return FlowIndex::memory_bytes(n) + n * sizeof(Record) + kOverhead;
}

}  // namespace mitibox
