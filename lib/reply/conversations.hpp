// SPDX-License-Identifier: BSD-3-Clause
/// Where forged conversations of proven sources live.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/siphash.hpp"
#include "base/time.hpp"
#include "packet/header_copy.hpp"
#include "packet/offer.hpp"
#include "packet/packet.hpp"
#include "probability/fixed_array.hpp"
#include "reply/index_list.hpp"
#include "tracker/flow_index.hpp"

namespace mitibox {

/// How far a conversation with a voice has come, in bytes of its text.
struct Speech {
  Tick at = 0;              ///< when it last said something
  std::uint16_t spent = 0;  ///< sent, repetitions included
  std::uint8_t said = 0;    ///< sent at least once
  std::uint8_t heard = 0;   ///< acknowledged
};

/// What is remembered of one conversation: numbers, never data. Host byte order.
struct Conversation {
  enum class State : std::uint8_t {
    open,     ///< the handshake is complete
    half,     ///< the peer has sent its FIN; ours is still to come
    closing,  ///< both sent a FIN; ours is not acknowledged yet
    ended,    ///< kept for a while, so that its own old segments cannot open it again
  };

  std::uint32_t expected = 0;  ///< next sequence number of the peer
  std::uint32_t next = 0;      ///< our next sequence number
  std::uint32_t client_isn = 0;
  Tick last = 0;     ///< of its last segment
  Tick limited = 0;  ///< of the last answer under the rate of RFC 5961 section 7
  Tick due = 0;      ///< of the next FIN, if one is to be sent
  State state = State::open;
  std::uint8_t fins = 0;                    ///< sent
  bool spoken : 1 = false;                  ///< the box speaks for a host, which has not ended yet
  bool waiting : 1 = false;                 ///< for `due`
  std::uint8_t voice = 0;                   ///< its number; 0: silent
  std::uint8_t scale = SynOffer::kNoScale;  ///< the client's; without it neither side scales
  Speech speech;

  // Only for Conversations.
  Links by_age;  ///< free ones are chained by `next`
  Links by_source;
  std::uint32_t source = 0;
  std::uint32_t signature = 0;
  Links by_due;
  FlowKey flow;
  std::uint32_t hash = 0;  ///< Packet::hash of the peer's FIN
  HeaderCopy fin;          ///< the peer's: ours goes back the way that it came

  [[nodiscard]] bool live() const { return state != State::ended; }
  [[nodiscard]] bool scaled() const { return scale != SynOffer::kNoScale; }
};
static_assert(sizeof(Conversation) <= 208, "65536 conversations by default: 13 MiB");

/// A bounded table with a quota for each source: its own longest idle conversation goes first, and
/// the longest idle of all when the table is full. Owned by one lcore; nothing is allocated after
/// construction. Pointers are good until the next begin() or sweep().
class Conversations {
 public:
  static constexpr std::uint32_t kQuota = 64;      ///< conversations of one source
  static constexpr std::uint32_t kIdle = 300'000;  ///< milliseconds
  /// A FIN follows the peer's after this many milliseconds, the time a host may take to close. It
  /// is repeated after half a second, and so on doubling, until it is acknowledged (rule R-6).
  static constexpr std::uint32_t kFinAfter = 20;
  static constexpr std::uint32_t kFinAgain = 500;
  static constexpr std::uint8_t kFins = 6;

  /// Throws std::runtime_error naming the table, its size and the option when memory is short.
  Conversations(Key128 key, std::uint32_t capacity, const std::string& name);

  /// The conversation of a flow, ended ones too; nullptr when there is none.
  [[nodiscard]] Conversation* find(const FlowKey& flow, Family family);

  /// A fresh conversation of this flow, in place of an older one. `source`: whose quota it takes.
  /// nullptr if the index refuses it (not to be expected: room is made first).
  Conversation* begin(const Packet& segment, const Address& source, Now now);

  /// A segment belonged to it.
  void touch(Conversation& conversation, Now now);
  void end(Conversation& conversation);

  /// The next FIN of a conversation in its time, which follows from how many were sent.
  void fin_later(Conversation& conversation, Now now);
  /// Takes the conversations whose FIN is due, at most `budget`.
  template <typename Visit>
  void take_due(Now now, std::uint32_t budget, Visit visit) {
    if (waiting_ == 0) return;
    for (auto& list : due_) {
      while (!list.empty()) {
        Conversation& c = records_[list.first()];
        if (static_cast<std::int32_t>(now.tick - c.due) < 0) break;
        if (budget-- == 0) return;
        fin_never(c);
        visit(c);
      }
    }
  }
  void erase(const FlowKey& flow, Family family) {
    if (const Conversation* const c = find(flow, family); c != nullptr) remove(index(*c));
  }

  /// Forgets what has been idle for kIdle, at most `budget` entries.
  void sweep(Now now, std::uint32_t budget);

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::uint32_t live() const { return live_; }
  /// Live conversations displaced by others.
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

  static std::size_t memory_bytes(std::uint32_t capacity);

 private:
  /// Free ones are chained by `count`.
  struct Source {
    IndexList<&Conversation::by_source> conversations;
    std::uint32_t count = 0;
    Address address;
  };

  [[nodiscard]] std::uint32_t index(const Conversation& c) const {
    return static_cast<std::uint32_t>(&c - &records_[0]);
  }
  [[nodiscard]] std::int32_t find_source(const Address& source, std::uint32_t signature) const {
    return sources_index_.find(signature, [&](std::int32_t at) {
      return sources_[static_cast<std::uint32_t>(at)].address == source;
    });
  }
  void fin_never(Conversation& conversation);
  void make_room(const Address& source, std::uint32_t signature);
  Conversation* insert(const Packet& segment, const Address& source, std::uint32_t signature);
  void evict(std::uint32_t at);
  void remove(std::uint32_t at);
  [[nodiscard]] std::uint32_t signature(const Address& source) const;

  Key128 key_;
  std::uint32_t capacity_;
  FlowIndex flows_;
  FlowIndex sources_index_;
  FixedArray<Conversation> records_;
  FixedArray<Source> sources_;
  std::uint32_t free_record_ = 0;
  std::uint32_t free_source_ = 0;
  IndexList<&Conversation::by_age> by_age_;  ///< longest idle first
  /// By the FINs that were sent: in one list all wait equally long.
  std::array<IndexList<&Conversation::by_due>, kFins + 1> due_;
  std::uint32_t count_ = 0;
  std::uint32_t live_ = 0;
  std::uint32_t waiting_ = 0;  ///< in `due_`
  std::uint64_t evictions_ = 0;
};

}  // namespace mitibox
