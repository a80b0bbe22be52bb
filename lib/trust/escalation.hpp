// SPDX-License-Identifier: BSD-3-Clause
/// Prefixes that their proven sources distrust as a whole.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "policy/policy.hpp"
#include "probability/fixed_array.hpp"
#include "reply/index_list.hpp"
#include "tracker/flow_index.hpp"
#include "trust/source.hpp"
#include "trust/trust_state.hpp"

namespace mitibox {

/// Owned by one lcore, which owns all sources of the shortest prefix.
///
/// A prefix of the policy's first length has sources as its members, one of the next length has
/// prefixes of the length before. With `count` of them proven it is distrusted as much as the
/// count-th of those that were proven latest, so it decays as its members do: only more evidence
/// from its own restarts it. Its start is that of this member; nothing else is kept of it.
///
/// Bounded: a record for each prefix with a proven member. When there is no room the one that has
/// been quiet longest goes. Only what is proven comes here, so nobody can forge a prefix in.
class Escalation {
 public:
  struct Place {
    std::uint32_t capacity;  ///< prefixes
    Key128 key;
    std::string name;  ///< of its tables
  };
  /// Throws std::runtime_error naming the table, its size and the option when memory is short.
  Escalation(const Policy& policy, const Place& place);

  struct Change {
    unsigned count = 0;      ///< prefixes that are distrusted from now on
    unsigned bits = 0;       ///< of the widest of them
    bool displaced = false;  ///< a distrusted prefix had to go
  };
  /// A source is proven, distrusted from `start` on. Members whose distrust began at `over` or
  /// earlier are none any more.
  Change note(const Source& source, Time start, Time over) { return note({source, start}, over); }
  /// As above, of one that is restored.
  Change note(const SavedSource& source, Time over);
  /// A source, or with `prefixes` also every prefix it lies in, is as good as new.
  unsigned forgive(const Source& source, bool prefixes);

  /// SavedSource::member_of, of a source that is proven.
  [[nodiscard]] std::uint32_t member_of(const Source& source, Time start) const;

  /// Whether any prefix of the source's family is distrusted.
  [[nodiscard]] bool any(const Source& source) const { return distrusted_[family(source)] != 0; }
  /// Of its prefixes the one distrusted latest, of several the widest; nullptr: none is.
  [[nodiscard]] const Distrusted* find(const Source& source) const;
  /// The same where it weighs at least as much as what is known of the source itself.
  template <typename Attempt>
  void find(std::span<Attempt> attempts) const {
    if (distrusted_[0] + distrusted_[1] == 0) return;
    for (Attempt& a : attempts) a.proven = heavier(a.source, a.proven);
  }
  [[nodiscard]] const Distrusted* heavier(const Source& source, const Distrusted* own) const {
    if (!any(source)) return own;
    const Distrusted* const wide = find(source);
    return wide != nullptr && (own == nullptr || wide->start >= own->start) ? wide : own;
  }

  /// Calls visit(prefix's record, its length, members proven) from the narrowest to the widest
  /// prefix of the source that has a proven member, `over` as above; `start` is Time::min() unless
  /// it is distrusted, or was.
  template <typename Visit>
  void each(const Source& source, Time over, Visit visit) const {
    for (const Length& length : lengths_[family(source)])
      if (const Record* r = lookup(source & length.mask, length.bits); r != nullptr)
        if (const unsigned n = members(*r, over); n != 0)
          visit(static_cast<const Distrusted&>(*r), length.bits, n);
  }

  /// Forgets prefixes whose members were all proven `span` before `now` or earlier.
  void forget(Time now, Time span, std::uint32_t budget);

  [[nodiscard]] std::uint32_t size() const { return size_; }
  /// Members that it takes.
  [[nodiscard]] unsigned count() const { return count_; }
  /// Prefixes that are distrusted, or were until their last member's distrust ends.
  [[nodiscard]] std::uint32_t distrusted() const { return distrusted_[0] + distrusted_[1]; }

  static std::size_t memory_bytes(std::uint32_t capacity);

 private:
  static constexpr std::size_t kMembers = Policy::Escalate::kMost;
  static constexpr Time kNever = Time::min();

  struct Length {
    Source mask;
    unsigned bits;
  };
  /// The members that were proven latest; a place without has start kNever.
  struct Record : Distrusted {
    std::array<Time, kMembers> starts;
    std::array<std::uint32_t, kMembers> members;  ///< keyed hashes
    Links links;
    unsigned bits;
  };
  static_assert(sizeof(Record) == 136);

  static std::size_t family(const Source& s) { return s.is_v4() ? 0 : 1; }
  [[nodiscard]] std::uint32_t hash(const Source& prefix, unsigned bits) const {
    return static_cast<std::uint32_t>(siphash13_of(key_, prefix.high, prefix.low, bits));
  }
  /// Those whose distrust began after `over`.
  [[nodiscard]] unsigned members(const Record& r, Time over) const;
  [[nodiscard]] std::int32_t position(const Source& prefix, unsigned bits) const {
    return index_.find(hash(prefix, bits), [&](std::int32_t i) {
      const Record& r = records_[static_cast<std::uint32_t>(i)];
      return r.source == prefix && r.bits == bits;
    });
  }
  [[nodiscard]] const Record* lookup(const Source& prefix, unsigned bits) const {
    const std::int32_t i = size_ == 0 ? -1 : position(prefix, bits);
    return i < 0 ? nullptr : &records_[static_cast<std::uint32_t>(i)];
  }
  [[nodiscard]] bool has(const Record& r, std::uint32_t member) const;
  Record* obtain(const Source& prefix, unsigned bits, Change& change);
  void prove(Record& r, std::uint32_t member, Time start);
  void expire(Record& r, Time over);
  void clear(Record& r, std::uint32_t member);
  void settle(Record& r);
  void erase(std::uint32_t i);
  [[nodiscard]] Record* records() { return &records_[0]; }

  std::array<std::vector<Length>, 2> lengths_;  ///< by family
  unsigned count_;
  Key128 key_;
  std::uint32_t capacity_;
  FlowIndex index_;
  FixedArray<Record> records_;
  IndexList<&Record::links> order_;  ///< from the quietest to the latest
  std::uint32_t free_ = 0;
  std::uint32_t size_ = 0;
  std::array<std::uint32_t, 2> distrusted_{};  ///< by family
};

}  // namespace mitibox
