// SPDX-License-Identifier: BSD-3-Clause
#include "trust/escalation.hpp"

#include <algorithm>
#include <functional>

namespace mitibox {

namespace {

constexpr char kOption[] = "tables.sources";

}  // namespace

Escalation::Escalation(const Policy& policy, const Place& place)
    : count_(policy.trust.escalate.count),
      key_(place.key),
      capacity_(std::max(1U, place.capacity)),
      index_({place.name + "-index", kOption}, capacity_),
      records_(capacity_, {place.name + "-records", kOption}) {
  const auto add = [&](std::vector<Length>& lengths, bool v4, unsigned bits) {
    const unsigned before = lengths.empty()
                                ? (v4 ? policy.trust.ipv4_prefix : policy.trust.ipv6_prefix)
                                : lengths.back().bits;
    if (bits < before) lengths.push_back({SourceMask::of(v4, bits), bits});
  };
  for (const unsigned bits : policy.trust.escalate.ipv4) add(lengths_[0], true, bits);
  for (const unsigned bits : policy.trust.escalate.ipv6) add(lengths_[1], false, bits);
  for (std::uint32_t i = 0; i < capacity_; ++i) records_[i].links.next = i + 1;
}

unsigned Escalation::members(const Record& r, Time over) const {
  return static_cast<unsigned>(std::count_if(r.starts.begin(), r.starts.begin() + count_,
                                             [over](Time start) { return start > over; }));
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
  Time start = source.start;
  Source member = source.source;
  unsigned bits = 128;
  for (const Length& length : lengths_[family(member)]) {
    if (length.bits < source.member_of) break;
    const Source prefix = member & length.mask;
    Record* const r = obtain(prefix, length.bits, change);
    if (r == nullptr) break;
    expire(*r, over);
    const bool before = r->start != kNever;
    prove(*r, hash(member, bits), start);
    if (r->start == kNever) break;
    if (!before) {
      ++change.count;
      change.bits = length.bits;
    }
    start = r->start;
    member = prefix;
    bits = length.bits;
  }
  return change;
}

std::uint32_t Escalation::member_of(const Source& source, Time start) const {
  Source member = source;
  unsigned bits = 128;
  for (const Length& length : lengths_[family(source)]) {
    const Record* const r = lookup(source & length.mask, length.bits);
    // Later ones may have taken its place: they count whether it does or not.
    if (r == nullptr || (!has(*r, hash(member, bits)) && start > r->start)) return bits;
    if (r->start == kNever) return 0;
    start = r->start;
    member = r->source;
    bits = length.bits;
  }
  return 0;
}

unsigned Escalation::forgive(const Source& source, bool prefixes) {
  unsigned forgiven = 0;
  Source member = source;
  unsigned bits = 128;
  for (const Length& length : lengths_[family(source)]) {
    const Source prefix = source & length.mask;
    if (const std::int32_t i = size_ == 0 ? -1 : position(prefix, length.bits); i >= 0) {
      Record& r = records_[static_cast<std::uint32_t>(i)];
      const bool before = r.start != kNever;
      clear(r, hash(member, bits));
      const bool over = prefixes || r.start == kNever;
      if (before && over) ++forgiven;
      if (prefixes || members(r, kNever) == 0) erase(static_cast<std::uint32_t>(i));
      // What is distrusted still is a member still.
      if (!over) break;
    }
    member = prefix;
    bits = length.bits;
  }
  return forgiven;
}

/// The record of a prefix; nullptr when it cannot be had.
Escalation::Record* Escalation::obtain(const Source& prefix, unsigned bits, Change& change) {
  if (const std::int32_t known = position(prefix, bits); known >= 0) {
    order_.to_back(records(), static_cast<std::uint32_t>(known));
    return &records_[static_cast<std::uint32_t>(known)];
  }
  if (size_ == capacity_) {
    change.displaced |= records_[order_.first()].start != kNever;
    erase(order_.first());
  }
  const std::uint32_t i = free_;
  // Not to be expected: hashes that are keyed leave buckets to chain.
  if (!index_.insert(hash(prefix, bits), i)) return nullptr;
  Record& r = records_[i];
  free_ = r.links.next;
  r.source = prefix;
  r.bits = bits;
  r.start = kNever;
  r.starts.fill(kNever);
  order_.push_back(records(), i);
  ++size_;
  return &r;
}

/// Of those proven latest; the others are not needed to know when the count-th was.
void Escalation::prove(Record& r, std::uint32_t member, Time start) {
  std::size_t place = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    if (r.starts[i] != kNever && r.members[i] == member) {
      r.starts[i] = start;
      return settle(r);
    }
    if (r.starts[i] < r.starts[place]) place = i;
  }
  if (start <= r.starts[place]) return;
  r.starts[place] = start;
  r.members[place] = member;
  settle(r);
}

void Escalation::expire(Record& r, Time over) {
  for (std::size_t i = 0; i < count_; ++i)
    if (r.starts[i] <= over) r.starts[i] = kNever;
  settle(r);
}

bool Escalation::has(const Record& r, std::uint32_t member) const {
  for (std::size_t i = 0; i < count_; ++i)
    if (r.members[i] == member && r.starts[i] != kNever) return true;
  return false;
}

void Escalation::clear(Record& r, std::uint32_t member) {
  for (std::size_t i = 0; i < count_; ++i)
    if (r.members[i] == member) r.starts[i] = kNever;
  settle(r);
}

void Escalation::settle(Record& r) {
  const bool before = r.start != kNever;
  r.start = *std::min_element(r.starts.begin(), r.starts.begin() + count_);
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
    const Time latest = *std::max_element(r.starts.begin(), r.starts.begin() + count_);
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
