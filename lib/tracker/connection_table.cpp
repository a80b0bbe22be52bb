// SPDX-License-Identifier: BSD-3-Clause
#include "tracker/connection_table.hpp"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace mitibox {

namespace {

template <typename T>
T* allocate(const std::string& name, std::uint32_t count) {
  auto* memory =
      static_cast<T*>(rte_zmalloc_socket(name.c_str(), sizeof(T) * std::size_t{count},
                                         RTE_CACHE_LINE_SIZE, static_cast<int>(rte_socket_id())));
  if (memory == nullptr)
    throw std::runtime_error(fmt::format(
        "cannot allocate table {}: {} entries of {} bytes; lower tables.connections or give more "
        "memory (-m, huge pages)",
        name, count, sizeof(T)));
  return memory;
}

// rte_hash checks what it finds at a position with the table's own hash function, which gets no
// more than 32 bits of seed: the seed is the number of the table, and its key stands here.
constexpr std::size_t kMaxTables = 1024;
std::array<Key128, kMaxTables> table_keys;
std::atomic<std::uint32_t> tables_made{0};

std::uint32_t keyed_hash(const void* key, std::uint32_t length, std::uint32_t table) {
  std::array<std::uint64_t, 5> words{};
  std::memcpy(words.data(), key, length);
  return static_cast<std::uint32_t>(
      siphash13(table_keys[table % kMaxTables], {words.data(), length / 8U}));
}

}  // namespace

ConnectionTable::ConnectionTable(std::string_view name, std::uint32_t key_size, Sizes sizes,
                                 Key128 secret)
    : sizes_(sizes), key_size_(key_size), secret_(secret) {
  const std::string n(name);
  rte_hash_parameters parameters{};
  parameters.name = n.c_str();
  parameters.entries = sizes.capacity;
  parameters.key_len = key_size;
  parameters.socket_id = static_cast<int>(rte_socket_id());
  parameters.hash_func = keyed_hash;
  parameters.hash_func_init_val = tables_made.fetch_add(1, std::memory_order_relaxed) % kMaxTables;
  table_keys[parameters.hash_func_init_val] = secret;
  // Without it, inserts are refused from 98% on.
  parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE;
  index_ = rte_hash_create(&parameters);
  if (index_ == nullptr)
    throw std::runtime_error(fmt::format(
        "cannot allocate index of table {}: {} entries: {}; lower tables.connections or give more "
        "memory (-m, huge pages)",
        n, sizes.capacity, rte_strerror(rte_errno)));
  try {
    records_ = allocate<Connection>(n + " records", sizes.capacity);
    links_ = allocate<Link>(n + " links", sizes.capacity);
    due_ = allocate<Tick>(n + " expiry", sizes.capacity);
  } catch (...) {
    this->~ConnectionTable();
    throw;
  }
}

ConnectionTable::~ConnectionTable() {
  rte_hash_free(index_);
  rte_free(records_);
  rte_free(links_);
  rte_free(due_);
}

void ConnectionTable::find(std::span<const void*> keys, const std::uint32_t* hashes,
                           std::int32_t* positions) const {
  // rte_hash asks for memory that it may write, and does not.
  rte_hash_lookup_with_hash_bulk(index_, keys.data(), const_cast<std::uint32_t*>(hashes),
                                 static_cast<std::uint32_t>(keys.size()), positions);
}

std::int32_t ConnectionTable::find(const void* key, std::uint32_t hash) const {
  return std::max(rte_hash_lookup_with_hash(index_, key, hash), kNone);
}

std::int32_t ConnectionTable::insert(const void* key, std::uint32_t hash, Stage stage) {
  if (stage == Stage::half_open && size(stage) >= sizes_.half_open) evict_oldest(stage);
  if (size_ >= sizes_.capacity && !evict_oldest(Stage::half_open) && !evict_oldest(Stage::datagram))
    return kNone;
  std::int32_t position = rte_hash_add_key_with_hash(index_, key, hash);
  // Extendable buckets can run out before the slots do.
  if (position == -ENOSPC && (evict_oldest(Stage::half_open) || evict_oldest(Stage::datagram)))
    position = rte_hash_add_key_with_hash(index_, key, hash);
  if (position < 0) return kNone;
  records_[position] = Connection{};
  link(static_cast<std::uint32_t>(position), stage);
  ++size_;
  ++epoch_;
  return position;
}

void ConnectionTable::erase(std::int32_t position) {
  void* stored = nullptr;
  if (rte_hash_get_key_with_position(index_, position, &stored) != 0) return;
  std::array<std::uint64_t, 5> key{};
  std::memcpy(key.data(), stored, key_size_);
  rte_hash_del_key_with_hash(index_, key.data(), hash(key.data()));
  unlink(static_cast<std::uint32_t>(position));
  due_[position] = 0;
  --size_;
  ++epoch_;
}

void ConnectionTable::move_to(std::int32_t position, Stage stage) {
  if (records_[position].stage == stage) return;
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
  // rte_hash: the key behind an 8-byte pointer, rounded up to 16; buckets of 64 bytes for 8 keys,
  // as many again for the extensions, a ring and a stack of free slots; sizes are powers of two.
  const std::size_t slots = std::bit_ceil(std::size_t{capacity});
  const std::size_t key = (key_size + 8U + 15U) / 16U * 16U;
  const std::size_t index = std::size_t{capacity} * key + slots * (64 / 8) * 2 + slots * 4 * 2;
  return index + std::size_t{capacity} * (sizeof(Connection) + sizeof(Link) + sizeof(Tick)) + 65536;
}

}  // namespace mitibox
