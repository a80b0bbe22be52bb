// SPDX-License-Identifier: BSD-3-Clause
#include "trust/proven_sources.hpp"

#include <algorithm>

namespace mitibox {

ProvenSources::ProvenSources(std::uint32_t capacity, Key128 key, const std::string& name)
    : key_(key),
      capacity_(std::max(1U, capacity)),
      index_({name + "-index", kSourcesOption}, capacity_),
      records_(capacity_, {name + "-records", kSourcesOption}),
      links_(capacity_, {name + "-links", kSourcesOption}) {
  for (std::uint32_t i = 0; i < capacity_; ++i) {
    links_[i].after = i + 1 < capacity_ ? i + 1 : kNone;
    records_[i].start = kFree;
  }
}

ProvenSources::~ProvenSources() = default;

const Distrusted* ProvenSources::find(const Source& source, std::uint64_t hash) const {
  if (size_ == 0) return nullptr;
  const std::int32_t i = position(source, hash);
  return i < 0 ? nullptr : &records_[static_cast<std::uint32_t>(i)];
}

std::optional<Distrusted> ProvenSources::put(const Distrusted& distrusted, std::uint64_t hash) {
  std::optional<Distrusted> displaced;
  std::int32_t known = position(distrusted.source, hash);
  if (known >= 0) {
    unlink(static_cast<std::uint32_t>(known));
  } else {
    if (size_ == capacity_) {
      displaced = records_[first_];
      erase(first_);
    }
    known = static_cast<std::int32_t>(free_);
    // Not to be expected: hashes that are keyed leave buckets to chain.
    if (!index_.insert(signature(hash), free_)) return displaced;
    free_ = links_[free_].after;
  }
  records_[static_cast<std::uint32_t>(known)] = distrusted;
  link_last(static_cast<std::uint32_t>(known));
  return displaced;
}

bool ProvenSources::remove(const Source& source, std::uint64_t hash) {
  const std::int32_t known = position(source, hash);
  if (known >= 0) erase(static_cast<std::uint32_t>(known));
  return known >= 0;
}

void ProvenSources::forget(Time now, const Schedule& schedule, std::uint32_t budget) {
  while (first_ != kNone && budget-- > 0) {
    const std::uint32_t i = first_;
    const Record& r = records_[i];
    if (r.start <= now - schedule.total_proven(r.repeats)) {
      erase(i);
    } else if (r.repeats != 0 || r.start > now) {
      // For longer than the others, or by hand: no hindrance to them.
      unlink(i);
      link_last(i);
    } else {
      return;
    }
  }
}

void ProvenSources::link_last(std::uint32_t i) {
  links_[i] = {last_, kNone};
  (last_ == kNone ? first_ : links_[last_].after) = i;
  last_ = i;
  ++size_;
}

void ProvenSources::unlink(std::uint32_t i) {
  const Neighbours& n = links_[i];
  (n.before == kNone ? first_ : links_[n.before].after) = n.after;
  (n.after == kNone ? last_ : links_[n.after].before) = n.before;
  --size_;
}

void ProvenSources::erase(std::uint32_t i) {
  index_.erase(signature(hash(records_[i].source)), i);
  unlink(i);
  records_[i].start = kFree;
  links_[i].after = free_;
  free_ = i;
}

std::size_t ProvenSources::memory_bytes(std::uint32_t capacity) {
  constexpr std::size_t kOverhead = 1024;  // allocator, rounding
  const std::uint32_t n = std::max(1U, capacity);
  return FlowIndex::memory_bytes(n) + n * (sizeof(Record) + sizeof(Neighbours)) + 2 * kOverhead;
}

}  // namespace mitibox
