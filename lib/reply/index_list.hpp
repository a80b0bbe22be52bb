// SPDX-License-Identifier: BSD-3-Clause
/// A doubly linked list through the records of an array, by 4-byte indices.
#pragma once

#include <cstdint>

namespace mitibox {

inline constexpr std::uint32_t kNoIndex = UINT32_MAX;

struct Links {
  std::uint32_t previous = kNoIndex;
  std::uint32_t next = kNoIndex;
};

/// `Member`: the record's Links of this list. A record is in the list at most once.
template <auto Member>
class IndexList {
 public:
  [[nodiscard]] std::uint32_t first() const { return first_; }
  [[nodiscard]] bool empty() const { return first_ == kNoIndex; }

  template <typename Record>
  void push_back(Record* records, std::uint32_t at) {
    records[at].*Member = {last_, kNoIndex};
    (last_ == kNoIndex ? first_ : (records[last_].*Member).next) = at;
    last_ = at;
  }

  template <typename Record>
  void remove(Record* records, std::uint32_t at) {
    const Links links = records[at].*Member;
    (links.previous == kNoIndex ? first_ : (records[links.previous].*Member).next) = links.next;
    (links.next == kNoIndex ? last_ : (records[links.next].*Member).previous) = links.previous;
  }

  template <typename Record>
  void to_back(Record* records, std::uint32_t at) {
    if (at == last_) return;
    remove(records, at);
    push_back(records, at);
  }

 private:
  std::uint32_t first_ = kNoIndex;
  std::uint32_t last_ = kNoIndex;
};

}  // namespace mitibox
