// SPDX-License-Identifier: BSD-3-Clause
#include "tracker/connection_table.hpp"

#include <rte_prefetch.h>

#include <cstring>
#include <string>

namespace mitibox {

namespace {

constexpr const char* kOption = "tables.connections";

std::string part(std::string_view table, const char* what) {
  return std::string(table).append(what);
}

}  // namespace

ConnectionTable::ConnectionTable(std::string_view name, std::uint32_t key_size, Sizes sizes,
                                 Key128 secret, const Mapping::Place* place)
    : sizes_(sizes),
      words_(key_size / 8),
      secret_(secret),
      index_({part(name, " index"), "tables.connections"}, sizes.capacity),
      links_(sizes.capacity, {part(name, " links"), kOption}),
      due_(sizes.capacity, {part(name, " expiry"), kOption}) {
  if (place != nullptr) {
    mapping_.emplace(*place, name, key_size, sizes.capacity);
    records_ = mapping_->records();
    keys_ = mapping_->keys();
    return;
  }
  own_records_.emplace(sizes.capacity, TableName{part(name, " records"), kOption});
  own_keys_.emplace(std::size_t{sizes.capacity} * words_, TableName{part(name, " keys"), kOption});
  records_ = &(*own_records_)[0];
  keys_ = &(*own_keys_)[0];
}

template <std::size_t Words>
bool ConnectionTable::is_key(std::int32_t position, const void* wanted) const {
  return std::memcmp(key(static_cast<std::uint32_t>(position)), wanted, Words * 8) == 0;
}

void ConnectionTable::find(std::span<const void*> keys, const std::uint32_t* hashes,
                           std::int32_t* positions) const {
  // Three passes, so that the lines of one packet arrive while the others are looked at.
  const std::size_t count = keys.size();
  for (std::size_t i = 0; i < count; ++i) index_.prefetch(hashes[i]);
  for (std::size_t i = 0; i < count; ++i) {
    positions[i] = index_.candidate(hashes[i]);
    if (positions[i] < 0) continue;
    const auto at = static_cast<std::uint32_t>(positions[i]);
    rte_prefetch0(key(at));
    __builtin_prefetch(&records_[at], 1);
  }
  with_words([&](auto words) {
    for (std::size_t i = 0; i < count; ++i)
      if (positions[i] >= 0 && !is_key<words>(positions[i], keys[i])) [[unlikely]]
        positions[i] = find(keys[i], hashes[i]);
  });
}

std::int32_t ConnectionTable::find(const void* key, std::uint32_t hash) const {
  return with_words([&](auto words) {
    return index_.find(hash, [&](std::int32_t at) { return is_key<words>(at, key); });
  });
}

std::int32_t ConnectionTable::insert(const void* key, std::uint32_t hash, Stage stage) {
  if (stage == Stage::half_open && size(stage) >= sizes_.half_open) evict_oldest(stage);
  if (size_ >= sizes_.capacity && !evict_oldest(Stage::half_open) && !evict_oldest(Stage::datagram))
    return kNone;
  const std::uint32_t i = free_ != kEnd ? free_ : fresh_;
  if (!index_.insert(hash, i)) return kNone;
  if (i == free_)
    free_ = links_[i].next;
  else
    ++fresh_;
  std::memcpy(&keys_[std::size_t{i} * words_], key, std::size_t{words_} * 8);
  records_[i] = Connection{};
  link(i, stage);
  ++size_;
  ++epoch_;
  return static_cast<std::int32_t>(i);
}

void ConnectionTable::erase(std::int32_t position) {
  const auto i = static_cast<std::uint32_t>(position);
  erase(i, hash(key(i)));
}

void ConnectionTable::erase(std::uint32_t i, std::uint32_t hash) {
  unseal(i);
  if (!index_.erase(hash, i)) return;
  if (endings_ != nullptr) [[unlikely]]
    endings_->ended({key(i), words_}, records_[i]);
  unlink(i);
  due_[i] = 0;
  links_[i].next = free_;
  free_ = i;
  --size_;
  ++epoch_;
}

void ConnectionTable::expire(std::span<const std::uint32_t> places) {
  std::array<std::uint32_t, kBurst> hashes;
  for (std::size_t k = 0; k < places.size(); ++k) {
    hashes[k] = hash(key(places[k]));
    index_.prefetch(hashes[k]);
  }
  for (std::size_t k = 0; k < places.size(); ++k) erase(places[k], hashes[k]);
  expired_ += places.size();
}

void ConnectionTable::move_to(std::int32_t position, Stage stage) {
  if ((*this)[position].stage == stage) return;
  unlink(static_cast<std::uint32_t>(position));
  if (stage == Stage::datagram && size(stage) >= sizes_.datagram) evict_oldest(stage);
  link(static_cast<std::uint32_t>(position), stage);
}

void ConnectionTable::link(std::uint32_t i, Stage stage) {
  records_[i].stage = stage;
  List& list = lists_[static_cast<std::size_t>(stage)];
  ++list.count;
  if (stage == Stage::settled) return;
  links_[i] = {list.tail, kEnd};
  if (list.tail == kEnd)
    list.head = i;
  else
    links_[list.tail].next = i;
  list.tail = i;
}

void ConnectionTable::unlink(std::uint32_t i) {
  const Stage stage = records_[i].stage;
  List& list = lists_[static_cast<std::size_t>(stage)];
  --list.count;
  if (stage == Stage::settled) return;
  const Link at = links_[i];
  if (at.previous == kEnd)
    list.head = at.next;
  else
    links_[at.previous].next = at.next;
  if (at.next == kEnd)
    list.tail = at.previous;
  else
    links_[at.next].previous = at.previous;
}

bool ConnectionTable::evict_oldest(Stage stage) {
  const List& list = lists_[static_cast<std::size_t>(stage)];
  if (list.count == 0) return false;
  erase(static_cast<std::int32_t>(list.head));
  ++evicted_;
  return true;
}

std::size_t ConnectionTable::memory_bytes(std::uint32_t key_size, std::uint32_t capacity) {
  // rte_malloc rounds up to lines and adds a header of two.
  const auto part = [](std::size_t bytes) { return (bytes + 63U) / 64U * 64U + 128U; };
  const std::size_t n = capacity;
  return part(FlowIndex::memory_bytes(capacity)) + part(n * sizeof(Connection)) +
         part(n * key_size) + part(n * sizeof(Link)) + part(n * sizeof(Tick));
}

}  // namespace mitibox
