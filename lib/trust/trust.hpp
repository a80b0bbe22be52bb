// SPDX-License-Identifier: BSD-3-Clause
/// Trust: which sources are distrusted, how much, and for how long (the paper, 3.2 and figure 1).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "packet/address.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "trust/proven_sources.hpp"
#include "trust/schedule.hpp"
#include "trust/sketch.hpp"
#include "trust/source.hpp"
#include "trust/trust_state.hpp"

namespace mitibox {

/// A source's level is a pure function of when its distrust began, of the policy, and of the time.
struct TrustLevel {
  /// 0: untrusted (neutral). 1: distrusted. 2..: partially distrusted, in the policy's order.
  unsigned number = 0;
  double divert = 0;    ///< share of its attempts that are diverted
  Time since{};         ///< start of this level
  Time until{};         ///< end of this level
  bool proven = false;  ///< rests on a completed handshake: the address is not spoofed
};

/// Owned by one lcore; `judge`, `illegitimate`, `proven` only from it.
///
/// Two stores, so that spoofed packets cannot displace what is certain:
/// - proven evidence: a bounded rte_hash of sources, swept incrementally. When it is full the
///   oldest proven source goes, and is counted; unproven evidence never enters it.
/// - unproven evidence: a fixed, keyed, set-associative sketch (fingerprint, start, span, repeats);
///   the oldest cell of a set is reused, and counted.
/// Each has a level of its own; an attempt is diverted if either store diverts it, and counted
/// under the level that diverts more.
///
/// Evidence `attempt` (the paper): one illegitimate opening packet distrusts for T1, then the
/// partial levels follow. `weighted`: an unproven one distrusts for `light` (30 s), doubled for
/// each repeat within a day up to T1, the partial levels shortened in proportion (span / T1);
/// a completed forged handshake counts for the whole T1. `proof`: nothing else counts.
class Trust {
 public:
  enum class Decision : std::uint8_t { pass, divert };

  struct Counters {
    std::uint64_t unproven = 0;          ///< pieces of unproven evidence taken
    std::uint64_t proven = 0;            ///< pieces of proven evidence taken
    std::uint64_t exempt = 0;            ///< evidence not taken: never_distrust
    std::uint64_t sketch_evictions = 0;  ///< live cells reused
    std::uint64_t source_evictions = 0;  ///< live proven sources displaced
    std::uint64_t passed[16] = {};       ///< attempts passed on, by level number (last: 15+)
    std::uint64_t diverted[16] = {};     ///< attempts diverted, by level number (last: 15+)
  };

  /// `capacity`: proven sources of this lcore; the sketch has as many cells. Throws
  /// std::runtime_error naming the table, its size and the option when memory is short.
  /// `name`: prefix of the tables' names, unique in the process, at most 20 characters.
  Trust(const Policy& policy, const Secrets& secrets, std::uint32_t capacity,
        std::string_view name);
  ~Trust();
  Trust(const Trust&) = delete;
  Trust& operator=(const Trust&) = delete;

  /// Where an attempt's source is found: valid until the next call of proven() or sweep().
  struct Attempt {
    Source source;
    std::uint64_t hash = 0;
    const Time* proven = nullptr;  ///< start of its proven distrust, if there is one
  };
  /// Finds the sources of at most kBurst opening packets at once, and fetches what judge() reads.
  void find(std::span<const Packet* const> openings, std::span<Attempt> attempts) const;
  [[nodiscard]] Attempt find(const Address& source) const;

  /// Judges an attempt that find() has seen. `source` in full: what never is distrusted may share
  /// a prefix with one that is.
  Decision judge(const Attempt& attempt, const Address& source, const Destination& destination,
                 Time now) {
    // Strangers, and scanners of whom nothing is proven, take the short way.
    if (attempt.proven == nullptr) {
      const Sketch::Cell* const cell = sketch_.find(attempt.hash);
      if (cell == nullptr) {
        ++counters_.passed[0];
        return Decision::pass;
      }
      if (now - cell->start < schedule_.first(cell->grade) && never_.empty()) {
        ++counters_.diverted[1];
        return Decision::divert;
      }
    }
    return judge_level(attempt, source, destination, now);
  }
  /// As above, of one alone. A draw of a partial level is keyed on source, destination and level
  /// start: repeating it does not buy another. Changes no level.
  Decision judge(const Address& source, const Destination& destination, Time now) {
    return judge(find(source), source, destination, now);
  }

  /// The Ruleset found an attempt that was passed on to be illegitimate. Never called for diverted
  /// ones. A distrusted source is distrusted anew (a partially distrusted one starts T1 again, or
  /// under `weighted` its next span: a packet alone never restarts what is proven).
  void illegitimate(const Attempt& attempt, const Address& source, Time now);
  void illegitimate(const Address& source, Time now) { illegitimate(find(source), source, now); }

  /// A source completed a forged handshake with an illegitimate destination (the caller asks the
  /// Ruleset; a legitimate one that was diverted is no evidence). Counts only if the
  /// attempt was not one that its proven distrust had diverted (else T1 would restart): that is
  /// decided here, with the same draw. Under `attempt` a source that is already distrusted by
  /// unproven evidence keeps its start and becomes proven.
  void proven(const Address& source, const Destination& destination, Time now);

  /// By hand: as if proven such that it is distrusted until then, and partially thereafter. False
  /// if it is never distrusted: then nothing changes.
  bool distrust(const Address& source, Time until, Time now);
  struct Forgiven {
    bool proven = false;
    bool unproven = false;
  };
  /// By hand: the source is as good as new.
  Forgiven forgive(const Address& source);

  /// For the control plane: whether judge() would divert such an attempt. Nothing is counted.
  [[nodiscard]] bool would_divert(const Address& source, const Destination& destination,
                                  Time now) const;
  [[nodiscard]] bool never_distrusts(const Address& source) const {
    return never_.contains(source);
  }
  /// For the control plane and tests.
  [[nodiscard]] TrustLevel level(const Address& source, Time now) const;
  [[nodiscard]] const Counters& counters() const;
  [[nodiscard]] std::uint32_t proven_sources() const;
  /// As ProvenSources::copy.
  std::size_t copy(std::uint32_t& cursor, std::span<SavedSource> out) const;

  std::size_t copy(std::uint32_t& cursor, std::span<SavedCell> out) const;
  /// Takes it over; the sources that were quiet longest first. Returns whether it holds still.
  bool restore(const SavedSource& saved, Time now);
  bool restore(const SavedCell& saved, Time now);

  /// Frees what has decayed, looking at no more than `budget` entries.
  void sweep(Time now, std::uint32_t budget);

  /// Bytes for `capacity` sources.
  static std::size_t memory_bytes(std::uint32_t capacity);

 private:
  /// What a store says of a source.
  struct Standing {
    Schedule::Level level;
    Time start{};  ///< of the whole distrust; meaningful unless neutral
  };
  struct Standings {
    Standing proven;
    Standing unproven;
  };

  [[nodiscard]] Standings look_up(const Attempt& attempt, Time now) const {
    Standings s;
    if (attempt.proven != nullptr)
      s.proven = {schedule_.level(schedule_.full(), *attempt.proven, now), *attempt.proven};
    if (const Sketch::Cell* const cell = sketch_.find(attempt.hash))
      s.unproven = {schedule_.level(cell->grade, cell->start, now), cell->start};
    return s;
  }
  Decision judge_level(const Attempt& attempt, const Address& source,
                       const Destination& destination, Time now);
  [[nodiscard]] bool diverts(const Source& source, const Destination& destination,
                             const Schedule::Level& level) const;
  [[nodiscard]] bool diverts(const Source& source, const Destination& destination,
                             const Standings& standings) const;
  /// The one that diverts more; the proven one if they are equal.
  [[nodiscard]] bool rests_on_proof(const Standings& standings) const;
  [[nodiscard]] bool exempt(const Address& source);
  void enter(const Attempt& attempt, Time start, Time now);

  bool weighted_;  ///< a proof counts from now on, whatever was unproven before
  bool only_proof_;
  Key128 draw_;
  Schedule schedule_;
  SourceMask mask_;
  PrefixSet never_;
  Sketch sketch_;
  ProvenSources sources_;
  Counters counters_;
};

}  // namespace mitibox
