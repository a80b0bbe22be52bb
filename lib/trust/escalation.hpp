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
#include "trust/schedule.hpp"
#include "trust/source.hpp"
#include "trust/trust_state.hpp"

namespace mitibox {

/// Owned by one lcore, which owns all sources of the shortest prefix.
///
/// A prefix of the policy's first length needs `count` proven sources, one of each further length
/// `count` times as many, at most kMost; of those no prefix of the length before counts for more
/// than its `count`-th part, so that no member alone, however busy, burns the others. With so many
/// it is distrusted as much as the first of those that were proven latest: it decays as they do,
/// and only more evidence from its own restarts it.
///
/// Bounded: a record for each prefix with a proven source. When there is no room the one that has
/// been quiet longest goes. Only what is proven comes here, so nobody can forge a prefix in.
class Escalation {
 public:
  struct Store {
    std::uint32_t capacity;  ///< prefixes
    Key128 key;
    std::string name;  ///< of its tables
  };
  /// Throws std::runtime_error naming the table, its size and the option when memory is short.
  Escalation(const Policy& policy, const Store& store);

  struct Change {
    unsigned count = 0;      ///< prefixes that are distrusted from now on
    unsigned bits = 0;       ///< of the widest of them
    unsigned members = 0;    ///< sources that it took
    bool displaced = false;  ///< a distrusted prefix had to go
  };
  /// Proven sources of a prefix, as far as they count, and how many distrust it.
  struct Members {
    unsigned proven;
    unsigned needed;
  };
  /// A source is proven, distrusted from `start` on. Those whose distrust began at `over` or
  /// earlier count no more.
  Change note(const Source& source, Time start, Time over) { return note({source, start}, over); }
  /// As above, of one that is restored.
  Change note(const SavedSource& source, Time over);
  /// A source, or with `prefixes` also every prefix it lies in, is as good as new. Returns how many
  /// prefixes were distrusted and are no more.
  unsigned forgive(const Source& source, bool prefixes);

  /// SavedSource::member_of, of a source that is proven.
  [[nodiscard]] std::uint32_t member_of(const Source& source, Time start) const;

  /// Whether any prefix of the source's family is distrusted.
  [[nodiscard]] bool any(const Source& source) const { return distrusted_[family(source)] != 0; }
  /// Of its prefixes the one distrusted latest, of several the widest; nullptr: none is.
  [[nodiscard]] const Distrusted* find(const Source& source) const;
  /// The same where it is distrusted in full for at least as long as the source itself.
  template <typename Attempt>
  void find(std::span<Attempt> attempts, const Schedule& schedule) const {
    if (distrusted_[0] + distrusted_[1] == 0) return;
    for (Attempt& a : attempts) a.proven = heavier(a.source, a.proven, schedule);
  }
  [[nodiscard]] const Distrusted* heavier(const Source& source, const Distrusted* own,
                                          const Schedule& schedule) const {
    if (!any(source)) return own;
    const Distrusted* const wide = find(source);
    if (wide == nullptr || own == nullptr) return wide == nullptr ? own : wide;
    const auto full = [&](const Distrusted& d) {
      return d.start + schedule.first_proven(d.repeats);
    };
    return full(*wide) >= full(*own) ? wide : own;
  }

  /// Calls visit(prefix's record, its length, Members) from the narrowest to the widest prefix of
  /// the source that has a proven one, `over` as above; `start` is Time::min() unless it is
  /// distrusted, or was.
  template <typename Visit>
  void each(const Source& source, Time over, Visit visit) const {
    for (const Length& length : lengths_[family(source)])
      if (const Record* r = lookup(source & length.mask, length.bits); r != nullptr)
        if (const unsigned n = members(*r, over); n != 0)
          visit(static_cast<const Distrusted&>(*r), length.bits, Members{n, length.needed});
  }

  /// Forgets prefixes whose sources were all proven `span` before `now` or earlier.
  void forget(Time now, Time span, std::uint32_t budget);

  [[nodiscard]] std::uint32_t size() const { return size_; }
  /// Prefixes that are distrusted, or were until their last source's distrust ends.
  [[nodiscard]] std::uint32_t distrusted() const { return distrusted_[0] + distrusted_[1]; }

  static std::size_t memory_bytes(std::uint32_t capacity);

 private:
  static constexpr std::size_t kMost = Policy::Escalate::kMostNeeded;
  static_assert(kMost >= Policy::Escalate::kMost);
  static constexpr Time kNever = Time::min();

  struct Length {
    Source mask;
    unsigned bits;
    unsigned needed;  ///< proven sources that distrust such a prefix
    unsigned share;   ///< how many of them one prefix of the length before counts for
  };
  /// A proven source; the hashes are keyed.
  struct Place {
    Time start;  ///< kNever: free
    std::uint32_t source;
    std::uint32_t member;  ///< the prefix of the length before that it is of, or the source again
  };
  /// The sources that were proven latest, each member for no more than its share.
  struct Record : Distrusted {
    std::array<Place, kMost> places;
    Links links;
    unsigned bits;
    unsigned needed;
  };
  static_assert(sizeof(Record) == 304);

  static std::size_t family(const Source& s) { return s.is_v4() ? 0 : 1; }
  [[nodiscard]] std::uint32_t hash(const Source& prefix, unsigned bits) const {
    return static_cast<std::uint32_t>(siphash13_of(key_, prefix.high, prefix.low, bits));
  }
  static std::span<Place> places(Record& r) { return std::span(r.places).first(r.needed); }
  static std::span<const Place> places(const Record& r) {
    return std::span(r.places).first(r.needed);
  }
  /// Those whose distrust began after `over`.
  static unsigned members(const Record& r, Time over);
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
  Record* obtain(const Source& prefix, const Length& length, Change& change);
  /// Where a source that is new to the prefix goes: in the place of whom it outlives.
  static const Place& place_of(const Record& r, const Length& length, std::uint32_t member);
  void prove(Record& r, const Length& length, const Place& proven);
  void expire(Record& r, Time over);
  void clear(Record& r, std::uint32_t source);
  void settle(Record& r);
  void erase(std::uint32_t i);
  [[nodiscard]] Record* records() { return &records_[0]; }

  std::array<std::vector<Length>, 2> lengths_;  ///< by family
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
