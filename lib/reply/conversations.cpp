// SPDX-License-Identifier: BSD-3-Clause
#include "reply/conversations.hpp"

#include <algorithm>

namespace mitibox {

namespace {

constexpr char kOption[] = "tables.conversations";

std::uint32_t flow_signature(Key128 key, const FlowKey& flow, Family family) {
  return static_cast<std::uint32_t>(siphash13(key, flow.used(family)));
}

}  // namespace

Conversations::Conversations(Key128 key, std::uint32_t capacity, const std::string& name)
    : key_(key),
      capacity_(std::max(capacity, 1U)),
      flows_({name + "-flows", kOption}, capacity_),
      sources_index_({name + "-sources-index", kOption}, capacity_),
      records_(capacity_, {name + "-conversations", kOption}),
      sources_(capacity_, {name + "-sources", kOption}) {
  for (std::uint32_t i = 0; i < capacity_; ++i) {
    records_[i].by_age.next = i + 1;
    sources_[i].count = i + 1;
  }
}

std::uint32_t Conversations::signature(const Address& source) const {
  return static_cast<std::uint32_t>(siphash13_of(key_, source.high(), source.low()));
}

Conversation* Conversations::find(const FlowKey& flow, Family family) {
  if (count_ == 0) return nullptr;
  const std::int32_t at = flows_.find(flow_signature(key_, flow, family), [&](std::int32_t i) {
    return records_[static_cast<std::uint32_t>(i)].flow == flow;
  });
  return at < 0 ? nullptr : &records_[static_cast<std::uint32_t>(at)];
}

Conversation* Conversations::begin(const Packet& segment, const Address& source, Now now) {
  Conversation* c = find(segment.key, segment.family);
  if (c == nullptr) {
    const std::uint32_t owner = signature(source);
    make_room(source, owner);
    c = insert(segment, source, owner);
    if (c == nullptr) return nullptr;
  }
  if (!c->live()) ++live_;
  fin_never(*c);
  c->state = Conversation::State::open;
  c->fins = 0;
  c->spoken = false;
  c->limited = now.tick - kIdle;
  touch(*c, now);
  return c;
}

void Conversations::make_room(const Address& source, std::uint32_t signature) {
  const std::int32_t s = find_source(source, signature);
  if (s >= 0 && sources_[static_cast<std::uint32_t>(s)].count >= kQuota)
    evict(sources_[static_cast<std::uint32_t>(s)].conversations.first());
  else if (count_ == capacity_)
    evict(by_age_.first());
}

Conversation* Conversations::insert(const Packet& segment, const Address& source,
                                    std::uint32_t signature) {
  const std::uint32_t flow = flow_signature(key_, segment.key, segment.family);
  const std::uint32_t at = free_record_;
  // Neither is to be expected: hashes that are keyed leave buckets to chain.
  if (!flows_.insert(flow, at)) return nullptr;
  std::int32_t s = find_source(source, signature);
  if (s < 0) {
    s = static_cast<std::int32_t>(free_source_);
    if (!sources_index_.insert(signature, free_source_)) {
      flows_.erase(flow, at);
      return nullptr;
    }
    free_source_ = sources_[free_source_].count;
    sources_[static_cast<std::uint32_t>(s)] = {.conversations = {}, .count = 0, .address = source};
  }
  free_record_ = records_[at].by_age.next;
  Source& owner = sources_[static_cast<std::uint32_t>(s)];
  records_[at] = {};
  records_[at].source = static_cast<std::uint32_t>(s);
  records_[at].signature = flow;
  records_[at].flow = segment.key;
  by_age_.push_back(&records_[0], at);
  owner.conversations.push_back(&records_[0], at);
  ++owner.count;
  ++count_;
  ++live_;
  return &records_[at];
}

void Conversations::touch(Conversation& c, Now now) {
  c.last = now.tick;
  by_age_.to_back(&records_[0], index(c));
  sources_[c.source].conversations.to_back(&records_[0], index(c));
}

void Conversations::end(Conversation& c) {
  if (c.live()) --live_;
  fin_never(c);
  c.state = Conversation::State::ended;
}

void Conversations::fin_later(Conversation& c, Now now) {
  fin_never(c);
  c.due = now.tick + (c.fins == 0 ? kFinAfter : kFinAgain << (c.fins - 1U));
  c.waiting = true;
  ++waiting_;
  due_[c.fins].push_back(&records_[0], index(c));
}

void Conversations::fin_never(Conversation& c) {
  if (!c.waiting) return;
  c.waiting = false;
  --waiting_;
  due_[c.fins].remove(&records_[0], index(c));
}

void Conversations::evict(std::uint32_t at) {
  if (records_[at].live()) ++evictions_;
  remove(at);
}

void Conversations::remove(std::uint32_t at) {
  Conversation& c = records_[at];
  end(c);
  const std::uint32_t s = c.source;
  Source& owner = sources_[s];
  by_age_.remove(&records_[0], at);
  owner.conversations.remove(&records_[0], at);
  --owner.count;
  --count_;

  flows_.erase(c.signature, at);
  c.by_age.next = free_record_;
  free_record_ = at;
  if (owner.count == 0) {
    sources_index_.erase(signature(owner.address), s);
    owner.count = free_source_;
    free_source_ = s;
  }
}

void Conversations::sweep(Now now, std::uint32_t budget) {
  for (; budget > 0 && !by_age_.empty(); --budget) {
    const std::uint32_t oldest = by_age_.first();
    if (elapsed(now.tick, records_[oldest].last) < kIdle) return;
    remove(oldest);
  }
}

std::size_t Conversations::memory_bytes(std::uint32_t capacity) {
  constexpr std::size_t kOverhead = 2048;  // allocator, rounding
  const std::uint32_t n = std::max(1U, capacity);
  return 2 * FlowIndex::memory_bytes(n) + (sizeof(Conversation) + sizeof(Source)) * n + kOverhead;
}

}  // namespace mitibox
