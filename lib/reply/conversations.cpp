// SPDX-License-Identifier: BSD-3-Clause
#include "reply/conversations.hpp"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include <algorithm>
#include <bit>
#include <new>
#include <stdexcept>
#include <string>

namespace mitibox {

namespace {

constexpr std::uint32_t kSmallest = 8;  // rte_hash takes no fewer

/// Entries of an index that holds this many: in a full table rte_hash looks for room at great
/// length before it chains a bucket.
std::uint32_t sized(std::uint32_t capacity) {
  return std::max(capacity + capacity / 4, kSmallest);
}

[[noreturn]] void fail(std::string_view table, std::uint32_t capacity, const char* why) {
  throw std::runtime_error(
      fmt::format("cannot allocate {}: {} entries, {} bytes in all: {}; lower tables.conversations "
                  "or give more memory",
                  table, capacity, Conversations::memory_bytes(capacity), why));
}

rte_hash* make_index(const std::string& name, std::uint32_t capacity, std::uint32_t key_length) {
  rte_hash_parameters parameters{};
  parameters.name = name.c_str();
  parameters.entries = capacity;
  parameters.key_len = key_length;
  parameters.socket_id = static_cast<int>(rte_socket_id());
  parameters.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE;
  return rte_hash_create(&parameters);
}

// rte_hash cuts the names of its rings short, where they would collide.
std::string short_name(std::string_view name, char suffix) {
  constexpr std::size_t kLongest = 18;
  if (name.size() < kLongest) return fmt::format("{}.{}", name, suffix);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(name.data());
  return fmt::format("{:016x}.{}", siphash_bytes<2, 4>({}, {bytes, name.size()}), suffix);
}

template <typename T>
T* make_array(std::uint32_t capacity) {
  auto* array = static_cast<T*>(rte_malloc("conversations", sizeof(T) * capacity, 64));
  if (array != nullptr) std::uninitialized_default_construct_n(array, capacity);
  return array;
}

std::uint32_t flow_signature(Key128 key, const FlowKey& flow, Family family) {
  return static_cast<std::uint32_t>(siphash13(key, flow.used(family)));
}

std::size_t index_bytes(std::uint32_t capacity, std::size_t key_length) {
  const std::size_t rounded = std::bit_ceil(std::size_t{capacity} + 1);
  // Keys with their data pointer; buckets and extension buckets of 64 bytes for 8; rings of slots.
  return (key_length + 8) * (capacity + 1U) + 2 * 8 * rounded + 3 * 4 * rounded + 8192;
}

}  // namespace

void Conversations::FreeMemory::operator()(void* memory) const {
  rte_free(memory);
}

Conversations::Conversations(Key128 key, std::uint32_t capacity, std::string_view name)
    : key_(key), capacity_(std::max(capacity, kSmallest)) {
  const std::uint32_t places = sized(capacity);
  flows_.reset(make_index(short_name(name, 'c'), places, sizeof(FlowKey)));
  if (!flows_) fail("Reply's index of conversations", capacity_, rte_strerror(rte_errno));
  source_index_.reset(make_index(short_name(name, 's'), places, sizeof(Address)));
  if (!source_index_) fail("Reply's index of sources", capacity_, rte_strerror(rte_errno));
  records_.reset(make_array<Conversation>(places));
  sources_.reset(make_array<Source>(places));
  if (!records_ || !sources_) fail("Reply's conversations", capacity_, "out of memory");
}

std::uint32_t Conversations::signature(const Address& source) const {
  return static_cast<std::uint32_t>(siphash13_of(key_, source.high(), source.low()));
}

Conversation* Conversations::find(const FlowKey& flow, Family family) {
  if (count_ == 0) return nullptr;
  const std::int32_t at =
      rte_hash_lookup_with_hash(flows_.get(), &flow, flow_signature(key_, flow, family));
  return at < 0 ? nullptr : &records_[static_cast<std::uint32_t>(at)];
}

Conversation* Conversations::begin(const Packet& segment, const Address& source, Now now) {
  Conversation* c = find(segment.key, segment.family);
  if (c == nullptr) {
    make_room(source);
    c = insert(segment, source);
    if (c == nullptr) return nullptr;
  }
  if (!c->live()) ++live_;
  c->state = Conversation::State::open;
  c->limited = now.tick - kIdle;
  touch(*c, now);
  return c;
}

void Conversations::make_room(const Address& source) {
  const std::int32_t s = rte_hash_lookup_with_hash(source_index_.get(), &source, signature(source));
  if (s >= 0 && sources_[static_cast<std::uint32_t>(s)].count >= kQuota)
    evict(sources_[static_cast<std::uint32_t>(s)].conversations.first());
  else if (count_ == capacity_)
    evict(by_age_.first());
}

Conversation* Conversations::insert(const Packet& segment, const Address& source) {
  const std::uint32_t source_signature = signature(source);
  std::int32_t s = rte_hash_lookup_with_hash(source_index_.get(), &source, source_signature);
  const bool known = s >= 0;
  if (!known) {
    s = rte_hash_add_key_with_hash(source_index_.get(), &source, source_signature);
    if (s < 0) return nullptr;
    sources_[static_cast<std::uint32_t>(s)] = {.conversations = {}, .count = 0, .address = source};
  }
  const std::uint32_t flow = flow_signature(key_, segment.key, segment.family);
  const std::int32_t position = rte_hash_add_key_with_hash(flows_.get(), &segment.key, flow);
  if (position < 0) {
    if (!known) rte_hash_del_key_with_hash(source_index_.get(), &source, source_signature);
    return nullptr;
  }
  const auto at = static_cast<std::uint32_t>(position);
  Source& owner = sources_[static_cast<std::uint32_t>(s)];
  records_[at] = {};
  records_[at].source = static_cast<std::uint32_t>(s);
  records_[at].signature = flow;
  records_[at].flow = segment.key;
  by_age_.push_back(records_.get(), at);
  owner.conversations.push_back(records_.get(), at);
  ++owner.count;
  ++count_;
  ++live_;
  return &records_[at];
}

void Conversations::touch(Conversation& c, Now now) {
  c.last = now.tick;
  by_age_.to_back(records_.get(), index(c));
  sources_[c.source].conversations.to_back(records_.get(), index(c));
}

void Conversations::end(Conversation& c) {
  if (c.live()) --live_;
  c.state = Conversation::State::ended;
}

void Conversations::evict(std::uint32_t at) {
  if (records_[at].live()) ++evictions_;
  remove(at);
}

void Conversations::remove(std::uint32_t at) {
  end(records_[at]);
  const Conversation& c = records_[at];
  Source& owner = sources_[c.source];
  by_age_.remove(records_.get(), at);
  owner.conversations.remove(records_.get(), at);
  --owner.count;
  --count_;

  rte_hash_del_key_with_hash(flows_.get(), &c.flow, c.signature);
  if (owner.count == 0)
    rte_hash_del_key_with_hash(source_index_.get(), &owner.address, signature(owner.address));
}

void Conversations::sweep(Now now, std::uint32_t budget) {
  for (; budget > 0 && !by_age_.empty(); --budget) {
    const std::uint32_t oldest = by_age_.first();
    if (elapsed(now.tick, records_[oldest].last) < kIdle) return;
    remove(oldest);
  }
}

std::size_t Conversations::memory_bytes(std::uint32_t capacity) {
  const std::uint32_t n = sized(capacity);
  return (sizeof(Conversation) + sizeof(Source)) * n + index_bytes(n, sizeof(FlowKey)) +
         index_bytes(n, sizeof(Address));
}

}  // namespace mitibox
