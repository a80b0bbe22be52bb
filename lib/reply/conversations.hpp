// SPDX-License-Identifier: BSD-3-Clause
/// Where forged conversations of proven sources live.
#pragma once

#include <rte_hash.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/siphash.hpp"
#include "base/time.hpp"
#include "packet/packet.hpp"
#include "reply/index_list.hpp"

namespace mitibox {

/// What is remembered of one conversation: numbers, never data. Host byte order.
struct Conversation {
  enum class State : std::uint8_t {
    open,     ///< the handshake is complete
    closing,  ///< both sent a FIN; ours is not acknowledged yet
    ended,    ///< kept for a while, so that its own old segments cannot open it again
  };

  std::uint32_t expected = 0;  ///< next sequence number of the peer
  std::uint32_t next = 0;      ///< our next sequence number
  std::uint32_t client_isn = 0;
  Tick last = 0;     ///< of its last segment
  Tick limited = 0;  ///< of the last answer under the rate of RFC 5961 section 7
  State state = State::open;
  bool scaled = false;  ///< both sides scale their windows

  // Only for Conversations.
  Links by_age;
  Links by_source;
  std::uint32_t source = 0;
  std::uint32_t signature = 0;
  FlowKey flow;  ///< the index's own copy is out of reach: rte_hash looks it up with CRC

  [[nodiscard]] bool live() const { return state != State::ended; }
};
static_assert(sizeof(Conversation) <= 96, "65536 conversations by default: 6 MiB");

/// A bounded table with a quota for each source: its own longest idle conversation goes first, and
/// the longest idle of all when the table is full. Owned by one lcore; nothing is allocated after
/// construction. Pointers are good until the next begin() or sweep().
class Conversations {
 public:
  static constexpr std::uint32_t kQuota = 64;      ///< conversations of one source
  static constexpr std::uint32_t kIdle = 300'000;  ///< milliseconds

  /// Throws std::runtime_error naming the table, its size and the option when memory is short.
  Conversations(Key128 key, std::uint32_t capacity, std::string_view name);

  /// The conversation of a flow, ended ones too; nullptr when there is none.
  [[nodiscard]] Conversation* find(const FlowKey& flow, Family family);

  /// A fresh conversation of this flow, in place of an older one. `source`: whose quota it takes.
  /// nullptr if the index refuses it (not to be expected: room is made first).
  Conversation* begin(const Packet& segment, const Address& source, Now now);

  /// A segment belonged to it.
  void touch(Conversation& conversation, Now now);
  void end(Conversation& conversation);

  /// Forgets what has been idle for kIdle, at most `budget` entries.
  void sweep(Now now, std::uint32_t budget);

  [[nodiscard]] std::uint32_t live() const { return live_; }
  /// Live conversations displaced by others.
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

  static std::size_t memory_bytes(std::uint32_t capacity);

 private:
  struct Source {
    IndexList<&Conversation::by_source> conversations;
    std::uint32_t count;
    Address address;
  };
  struct FreeHash {
    void operator()(rte_hash* hash) const { rte_hash_free(hash); }
  };
  struct FreeMemory {
    void operator()(void* memory) const;
  };
  template <typename T>
  using Array = std::unique_ptr<T[], FreeMemory>;

  [[nodiscard]] std::uint32_t index(const Conversation& c) const {
    return static_cast<std::uint32_t>(&c - records_.get());
  }
  void make_room(const Address& source);
  Conversation* insert(const Packet& segment, const Address& source);
  void evict(std::uint32_t at);
  void remove(std::uint32_t at);
  [[nodiscard]] std::uint32_t signature(const Address& source) const;

  Key128 key_;
  std::uint32_t capacity_;
  std::unique_ptr<rte_hash, FreeHash> flows_;
  std::unique_ptr<rte_hash, FreeHash> source_index_;
  Array<Conversation> records_;
  Array<Source> sources_;
  IndexList<&Conversation::by_age> by_age_;  ///< longest idle first
  std::uint32_t count_ = 0;
  std::uint32_t live_ = 0;
  std::uint64_t evictions_ = 0;
};

}  // namespace mitibox
