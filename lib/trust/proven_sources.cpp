// SPDX-License-Identifier: BSD-3-Clause
#include "trust/proven_sources.hpp"

#include <algorithm>

namespace mitibox {

namespace {

constexpr char kOption[] = "tables.sources";

}  // namespace

ProvenSources::ProvenSources(std::uint32_t capacity, Key128 key, const std::string& name)
    : key_(key),
      capacity_(std::max(1U, capacity)),
      index_({name + "-index", kOption}, capacity_),
      records_(capacity_, {name + "-records", kOption}) {
  for (std::uint32_t i = 0; i < capacity_; ++i) {
    records_[i].after = i + 1 < capacity_ ? i + 1 : kNone;
    records_[i].start = kFree;
  }
}

ProvenSources::~ProvenSources() = default;

const Distrusted* ProvenSources::find(const Source& source, std::uint64_t hash) const {
  if (size_ == 0) return nullptr;
  const std::int32_t i = position(source, hash);
  return i < 0 ? nullptr : &records_[static_cast<std::uint32_t>(i)];
}

Time ProvenSources::put(const Source& source, std::uint64_t hash, Time start) {
  Time displaced = Time::max();
  std::int32_t known = position(source, hash);
  if (known >= 0) {
    unlink(static_cast<std::uint32_t>(known));
  } else {
    if (size_ == capacity_) {
      displaced = records_[first_].start;
      erase(first_);
    }
    known = static_cast<std::int32_t>(free_);
    // Not to be expected: hashes that are keyed leave buckets to chain.
    if (!index_.insert(signature(hash), free_)) return displaced;
    free_ = records_[free_].after;
    records_[static_cast<std::uint32_t>(known)].source = source;
  }
  records_[static_cast<std::uint32_t>(known)].start = start;
  link_last(static_cast<std::uint32_t>(known));
  return displaced;
}

bool ProvenSources::remove(const Source& source, std::uint64_t hash) {
  const std::int32_t known = position(source, hash);
  if (known >= 0) erase(static_cast<std::uint32_t>(known));
  return known >= 0;
}

void ProvenSources::forget(Time now, Time span, std::uint32_t budget) {
  while (first_ != kNone && budget-- > 0) {
    const std::uint32_t i = first_;
    const Time start = records_[i].start;
    if (start <= now - span) {
      erase(i);
    } else if (start > now) {
      // By hand, for longer than evidence does: no hindrance to the others.
      unlink(i);
      link_last(i);
    } else {
      return;
    }
  }
}

void ProvenSources::link_last(std::uint32_t i) {
  records_[i].before = last_;
  records_[i].after = kNone;
  (last_ == kNone ? first_ : records_[last_].after) = i;
  last_ = i;
  ++size_;
}

void ProvenSources::unlink(std::uint32_t i) {
  const Record& r = records_[i];
  (r.before == kNone ? first_ : records_[r.before].after) = r.after;
  (r.after == kNone ? last_ : records_[r.after].before) = r.before;
  --size_;
}

void ProvenSources::erase(std::uint32_t i) {
  index_.erase(signature(hash(records_[i].source)), i);
  unlink(i);
  records_[i].start = kFree;
  records_[i].after = free_;
  free_ = i;
}

std::size_t ProvenSources::memory_bytes(std::uint32_t capacity) {
  constexpr std::size_t kOverhead = 1024;  // allocator, rounding
  const std::uint32_t n = std::max(1U, capacity);
  return FlowIndex::memory_bytes(n) + n * sizeof(Record) + kOverhead;
}

}  // namespace mitibox
