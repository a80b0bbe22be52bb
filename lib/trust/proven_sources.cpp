// SPDX-License-Identifier: BSD-3-Clause
#include "trust/proven_sources.hpp"

#include <rte_hash.h>

#include <algorithm>
#include <bit>

namespace mitibox {

namespace {

constexpr char kOption[] = "tables.sources";
constexpr std::uint32_t kLeastEntries = 8;  // rte_hash takes no fewer

/// Entries of the index: in a full table rte_hash looks for room at great length before it chains a
/// bucket.
std::uint32_t entries(std::uint32_t capacity) {
  return std::max(capacity + capacity / 4, kLeastEntries);
}

hash_sig_t signature(std::uint64_t hash) {
  return static_cast<hash_sig_t>(hash);
}

rte_hash* make_index(std::uint32_t capacity, const std::string& name) {
  rte_hash_parameters p{};
  p.name = name.c_str();
  p.entries = entries(capacity);
  p.key_len = sizeof(Source);
  p.socket_id = static_cast<int>(rte_socket_id());
  p.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE;
  rte_hash* const h = rte_hash_create(&p);
  if (h == nullptr) throw table_refused({name, kOption}, ProvenSources::memory_bytes(capacity));
  return h;
}

}  // namespace

void ProvenSources::FreeHash::operator()(rte_hash* h) const {
  rte_hash_free(h);
}

ProvenSources::ProvenSources(std::uint32_t capacity, Key128 key, const std::string& name)
    : key_(key),
      capacity_(std::max(1U, capacity)),
      index_(make_index(capacity, name)),
      records_(static_cast<std::size_t>(rte_hash_max_key_id(index_.get())) + 1,
               {name + "-records", kOption}) {}

ProvenSources::~ProvenSources() = default;

const Time* ProvenSources::find(const Source& source, std::uint64_t hash) const {
  if (size_ == 0) return nullptr;
  const auto i = rte_hash_lookup_with_hash(index_.get(), &source, signature(hash));
  return i < 0 ? nullptr : &records_[static_cast<std::uint32_t>(i)].start;
}

void ProvenSources::find_all(std::span<const void*> keys, std::uint32_t* signatures,
                             std::int32_t* positions) const {
  rte_hash_lookup_with_hash_bulk(index_.get(), keys.data(), signatures,
                                 static_cast<std::uint32_t>(keys.size()), positions);
}

Time ProvenSources::put(const Source& source, std::uint64_t hash, Time start) {
  Time displaced = Time::max();
  auto i = rte_hash_lookup_with_hash(index_.get(), &source, signature(hash));
  if (i >= 0) {
    unlink(static_cast<std::uint32_t>(i));
  } else {
    if (size_ == capacity_) {
      displaced = records_[first_].start;
      erase(first_);
    }
    i = rte_hash_add_key_with_hash(index_.get(), &source, signature(hash));
    // Cannot fail: fewer than `entries` are in, and the buckets extend.
    if (i < 0) return displaced;
  }
  records_[static_cast<std::uint32_t>(i)].start = start;
  link_last(static_cast<std::uint32_t>(i));
  return displaced;
}

void ProvenSources::forget(Time before, std::uint32_t budget) {
  std::uint32_t i = first_;
  while (i != kNone && budget-- > 0) {
    const std::uint32_t next = records_[i].after;
    if (records_[i].start > before) return;
    erase(i);
    i = next;
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
  void* key = nullptr;
  rte_hash_get_key_with_position(index_.get(), static_cast<std::int32_t>(i), &key);
  const Source source = *static_cast<const Source*>(key);
  rte_hash_del_key_with_hash(index_.get(), &source, signature(hash(source)));
  unlink(i);
}

// As rte_hash of DPDK 22.11 lays itself out: a key of 16 bytes and its 8 bytes of data in 32, a
// bucket and an extension of 64 bytes for 8 entries, and rings of the free ones.
std::size_t ProvenSources::memory_bytes(std::uint32_t capacity) {
  const std::size_t n = entries(capacity);
  const std::size_t buckets = std::bit_ceil(n) / 8;
  const std::size_t keys = (n + 1) * 32;
  const std::size_t rings = std::bit_ceil(n + 2) * 4 + std::bit_ceil(buckets + 1) * 4;
  constexpr std::size_t kOverhead = 8192;  // handles, ring headers, allocator
  return keys + 2 * buckets * 64 + rings + (n + 1) * sizeof(Record) + kOverhead;
}

}  // namespace mitibox
