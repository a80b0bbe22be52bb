// SPDX-License-Identifier: BSD-3-Clause
/// A fixed number of records that are found by a keyed hash of what they stand for.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "reply/index_list.hpp"

namespace mitibox {

/// Owned by one lcore. `Record` has the members `std::uint64_t identity` and `std::uint32_t next`;
/// the hash stands for the whole key, so it must be one that nobody outside can compute. Records
/// keep their index while they are taken.
template <typename Record>
class HashedRecords {
 public:
  explicit HashedRecords(std::uint32_t count)
      : records_(std::max(1U, count)), heads_(buckets(count), kNoIndex) {
    for (std::uint32_t i = 0; i + 1 < records_.size(); ++i) records_[i].next = i + 1;
    records_.back().next = kNoIndex;
  }

  Record& operator[](std::uint32_t at) { return records_[at]; }
  Record* data() { return records_.data(); }
  [[nodiscard]] bool full() const { return free_ == kNoIndex; }

  /// kNoIndex: there is none.
  [[nodiscard]] std::uint32_t find(std::uint64_t identity) const {
    std::uint32_t at = heads_[bucket(identity)];
    while (at != kNoIndex && records_[at].identity != identity) at = records_[at].next;
    return at;
  }
  /// A fresh record of an identity that has none; not when full.
  std::uint32_t take(std::uint64_t identity) {
    const std::uint32_t at = free_;
    free_ = records_[at].next;
    records_[at] = Record{};
    records_[at].identity = identity;
    std::uint32_t& head = heads_[bucket(identity)];
    records_[at].next = head;
    head = at;
    return at;
  }
  void give_back(std::uint32_t at) {
    std::uint32_t* link = &heads_[bucket(records_[at].identity)];
    while (*link != at) link = &records_[*link].next;
    *link = records_[at].next;
    records_[at].next = free_;
    free_ = at;
  }

  static std::size_t memory_bytes(std::uint32_t count) {
    return std::max(1U, count) * sizeof(Record) + buckets(count) * sizeof(std::uint32_t);
  }

 private:
  static std::size_t buckets(std::uint32_t count) { return std::bit_ceil(std::max(1U, count)); }
  [[nodiscard]] std::size_t bucket(std::uint64_t identity) const {
    return identity & (heads_.size() - 1);
  }

  std::vector<Record> records_;
  std::vector<std::uint32_t> heads_;
  std::uint32_t free_ = 0;
};

}  // namespace mitibox
