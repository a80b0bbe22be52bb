// SPDX-License-Identifier: BSD-3-Clause
#include "tracker/flow_index.hpp"

#include <algorithm>

namespace mitibox {

namespace {

/// Entries a home when the table is full. Of 12 slots: 6 in 100 homes then need a second bucket,
/// and few enough look-ups a second line.
constexpr std::uint32_t kLoad = 8;
/// Twice what random hashes need, or a dozen: many standard deviations at every size.
constexpr std::uint32_t kSpareShare = 8;
constexpr std::uint32_t kLeastSpares = 12;

}  // namespace

std::uint32_t FlowIndex::homes_for(std::uint32_t capacity) {
  return std::max(1U, (capacity + kLoad - 1) / kLoad);
}

std::uint32_t FlowIndex::spares_for(std::uint32_t homes) {
  return homes / kSpareShare + kLeastSpares;
}

FlowIndex::FlowIndex(const TableName& name, std::uint32_t capacity)
    : homes_(homes_for(capacity)),
      spare_(homes_),
      buckets_(std::size_t{homes_} + spares_for(homes_), name) {
  for (std::uint32_t i = homes_; i + 1 < buckets_.size(); ++i) buckets_[i].next = i + 1;
}

bool FlowIndex::insert(std::uint32_t hash, std::uint32_t position) {
  Bucket* b = &buckets_[home(hash)];
  while (b->tagged(0) == 0 && b->next != 0) b = &buckets_[b->next];
  if (b->tagged(0) == 0) {
    if (spare_ == 0) return false;
    b->next = spare_;
    b = &buckets_[spare_];
    spare_ = b->next;
    b->next = 0;
  }
  const std::size_t slot = lowest(b->tagged(0));
  b->positions[slot] = position;
  b->tags[slot] = tag_of(hash);
  return true;
}

bool FlowIndex::erase(std::uint32_t hash, std::uint32_t position) {
  Bucket* before = nullptr;
  Bucket* last = &buckets_[home(hash)];
  Bucket* holder = nullptr;
  std::size_t slot = 0;
  for (;; before = last, last = &buckets_[last->next]) {
    for (unsigned found = last->tagged(tag_of(hash)); found != 0; found &= found - 1) {
      const std::size_t at = lowest(found);
      if (last->positions[at] != position) continue;
      holder = last;
      slot = at;
    }
    if (last->next == 0) break;
  }
  if (holder == nullptr) return false;
  // An entry of the last bucket fills the gap, so that chains shrink again.
  const std::size_t moved = lowest(~last->tagged(0) & kAll);
  holder->tags[slot] = last->tags[moved];
  holder->positions[slot] = last->positions[moved];
  last->tags[moved] = 0;
  if (before == nullptr || last->tagged(0) != kAll) return true;
  const std::uint32_t emptied = before->next;
  before->next = 0;
  last->next = spare_;
  spare_ = emptied;
  return true;
}

std::size_t FlowIndex::memory_bytes(std::uint32_t capacity) {
  const std::size_t homes = homes_for(capacity);
  return (homes + spares_for(static_cast<std::uint32_t>(homes))) * sizeof(Bucket);
}

}  // namespace mitibox
