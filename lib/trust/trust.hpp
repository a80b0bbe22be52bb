// SPDX-License-Identifier: BSD-3-Clause
/// Trust: which sources are distrusted, how much, and for how long (the paper, 3.2 and figure 1).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "packet/address.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "trust/allowlist.hpp"
#include "trust/escalation.hpp"
#include "trust/proven_sources.hpp"
#include "trust/schedule.hpp"
#include "trust/sketch.hpp"
#include "trust/source.hpp"
#include "trust/trust_sink.hpp"
#include "trust/trust_state.hpp"

namespace mitibox {

/// A source's level is a pure function of when its distrust began, of the policy, and of the time.
struct TrustLevel {
  /// 0: untrusted (neutral). 1: distrusted. 2..: partially distrusted, in the policy's order.
  unsigned number = 0;
  double divert = 0;     ///< share of its attempts that are diverted
  Time since{};          ///< start of this level
  Time until{};          ///< end of this level
  bool proven = false;   ///< rests on a completed handshake: the address is not spoofed
  Prefix on;             ///< what is distrusted: the source, or a prefix of it; unless neutral
  unsigned repeats = 0;  ///< proven evidence while it was distrusted, as far as it counts
  unsigned members = 0;  ///< proven sources of a prefix, as far as they count; 0: the source itself
  unsigned needed = 0;   ///< so many distrust it
};

/// Owned by one lcore; `judge`, `illegitimate`, `proven` only from it.
///
/// Two stores, so that spoofed packets cannot displace what is certain:
/// - proven evidence: a bounded rte_hash of sources, swept incrementally. When it is full the
///   oldest proven source goes, and is counted; unproven evidence never enters it.
/// - unproven evidence: a fixed, keyed, set-associative sketch (fingerprint, start, span, repeats);
///   the oldest cell of a set is reused, and counted.
/// Each has a level of its own; an attempt is diverted if either store diverts it, and counted
/// under the level that diverts more. Proven sources distrust the prefixes that they share
/// (Escalation); of a source and its prefixes that which is distrusted most stands for them all.
///
/// What the policy allows is passed on whatever the level and is no evidence: Trust is left out,
/// neither the coin before it nor the Ruleset after it.
///
/// Evidence `attempt` (the paper): one illegitimate opening packet distrusts for T1, then the
/// partial levels follow. `weighted`: an unproven one distrusts for `light` (30 s), doubled for
/// each repeat within a day up to T1, the partial levels shortened in proportion (span / T1);
/// a completed forged handshake counts for the whole T1. `proof`: nothing else counts, whatever was
/// noted under other rules. Proven evidence from a source whose own proven distrust is not over
/// doubles it, levels and all, as often as the policy says: else one that guesses as soon as it is
/// half forgiven would have a guess each T1.
class Trust {
 public:
  enum class Decision : std::uint8_t { pass, divert };

  struct Counters {
    std::uint64_t unproven = 0;          ///< pieces of unproven evidence taken
    std::uint64_t proven = 0;            ///< pieces of proven evidence taken
    std::uint64_t allowed = 0;           ///< evidence not taken: what the policy allows
    std::uint64_t allowed_many = 0;      ///< times that an allowed source made kMany, or doubled
    std::uint64_t escalations = 0;       ///< prefixes that became distrusted
    std::uint64_t sketch_evictions = 0;  ///< live cells reused
    std::uint64_t source_evictions = 0;  ///< live proven sources displaced
    std::uint64_t prefix_evictions = 0;  ///< distrusted prefixes displaced
    std::uint64_t passed[16] = {};       ///< attempts passed on, by level number (last: 15+)
    std::uint64_t diverted[16] = {};     ///< attempts diverted, by level number (last: 15+)
  };

  /// What it takes from a policy: all but the sizes of its stores, and what makes a source or a
  /// prefix, by which they are kept.
  struct Rules {
    explicit Rules(const Policy& policy);

    bool weighted;  ///< a proof counts from now on, whatever was unproven before
    bool only_proof;
    Schedule schedule;
    Allowlist allow;
  };

  /// `capacity`: proven sources of this lcore; the sketch has as many cells. Throws
  /// std::runtime_error naming the table, its size and the option when memory is short.
  /// `name`: prefix of the tables' names, unique in the process, at most 20 characters.
  Trust(const Policy& policy, const Secrets& secrets, std::uint32_t capacity,
        std::string_view name);
  ~Trust();
  Trust(const Trust&) = delete;
  Trust& operator=(const Trust&) = delete;

  /// From now on these rules hold, also for evidence that is there: a level is a function of its
  /// start and of them. Between two bursts; changes places with its argument.
  void adopt(Rules& rules) noexcept { std::swap(rules_, rules); }

  /// Where an attempt's source is found: valid until the next call of proven() or sweep().
  struct Attempt {
    Source source;
    std::uint64_t hash = 0;
    const Distrusted* proven = nullptr;  ///< it or the prefix of it that is distrusted more
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
      if (now - cell->start < rules_.schedule.first(cell->grade) && rules_.allow.empty() &&
          !rules_.only_proof) {
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
  void illegitimate(const Attempt& attempt, const Address& source, const Destination& destination,
                    Time now);
  void illegitimate(const Address& source, const Destination& destination, Time now) {
    illegitimate(find(source), source, destination, now);
  }

  /// A source completed a forged handshake with an illegitimate destination (the caller asks the
  /// Ruleset; a legitimate one that was diverted is no evidence). Counts only if the
  /// attempt was not one that its proven distrust had diverted (else T1 would restart): that is
  /// decided here, with the same draw. Under `attempt` a source that is already distrusted by
  /// unproven evidence keeps its start and becomes proven.
  void proven(const Address& source, const Destination& destination, Time now);

  /// By hand: as if proven such that it is distrusted until then, and partially thereafter. False
  /// if it is allowed to go wherever it likes: then nothing changes.
  bool distrust(const Address& source, Time until, Time now);

  struct Forgiven {
    bool proven = false;
    bool unproven = false;
    unsigned prefixes = 0;  ///< that were distrusted
  };
  /// By hand: the source is as good as new, but for a prefix that its neighbours distrust; with
  /// `prefixes` that too, until `count` of them are proven again.
  Forgiven forgive(const Address& source, bool prefixes = false);

  /// Whom Trust tells; must outlive it. nullptr: nobody.
  void report_to(TrustSink* sink) { sink_ = sink; }

  /// Whether the policy allows the source this, or anything at all.
  [[nodiscard]] bool allows(const Address& source, const Destination& destination) const {
    return rules_.allow.allows(source, destination);
  }
  [[nodiscard]] bool spares(const Address& source) const { return rules_.allow.names(source); }
  /// Whether it may go wherever it likes.
  [[nodiscard]] bool never_distrusts(const Address& source) const {
    return rules_.allow.everywhere(source);
  }

  /// For the control plane: whether judge() would divert such an attempt. Nothing is counted.
  [[nodiscard]] bool would_divert(const Address& source, const Destination& destination,
                                  Time now) const;
  /// For the control plane and tests.
  [[nodiscard]] TrustLevel level(const Address& source, Time now) const;
  static constexpr std::size_t kGrounds = 2 + Policy::Escalate::kLengths;
  /// All that may weigh on a source, what is neutral by now or not yet distrusted included:
  /// unproven and proven evidence, then prefixes with a proven member from the narrowest on.
  /// Returns how many; `grounds` has room for kGrounds.
  std::size_t grounds(const Address& source, Time now, std::span<TrustLevel> grounds) const;
  [[nodiscard]] const Counters& counters() const;
  [[nodiscard]] std::uint32_t proven_sources() const;
  /// As ProvenSources::copy.
  std::size_t copy(std::uint32_t& cursor, std::span<SavedSource> out) const;
  /// As above, for restore(): with what was forgiven. Takes longer.
  std::size_t save(std::uint32_t& cursor, std::span<SavedSource> out) const;
  [[nodiscard]] const Escalation& escalation() const { return escalation_; }
  /// Allowed sources with the most illegitimate attempts.
  [[nodiscard]] const AllowedTally& allowed() const { return allowed_; }

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
      s.proven = {rules_.schedule.proven(attempt.proven->repeats, attempt.proven->start, now),
                  attempt.proven->start};
    if (const Sketch::Cell* const cell = suspicion(attempt.hash))
      s.unproven = {rules_.schedule.level(cell->grade, cell->start, now), cell->start};
    return s;
  }
  /// Unproven evidence, where it counts; nullptr: none does.
  [[nodiscard]] const Sketch::Cell* suspicion(std::uint64_t hash) const {
    return rules_.only_proof ? nullptr : sketch_.find(hash);
  }
  Decision judge_level(const Attempt& attempt, const Address& source,
                       const Destination& destination, Time now);
  [[nodiscard]] bool diverts(const Source& source, const Destination& destination,
                             const Schedule::Level& level) const;
  [[nodiscard]] bool diverts_by_proof(const Attempt& attempt, const Destination& destination,
                                      const Standings& s) const {
    return attempt.proven != nullptr &&
           diverts(attempt.proven->source, destination, s.proven.level);
  }
  /// By either store.
  [[nodiscard]] bool diverts(const Attempt& attempt, const Destination& destination,
                             const Standings& s) const {
    return diverts_by_proof(attempt, destination, s) ||
           diverts(attempt.source, destination, s.unproven.level);
  }
  /// The one that diverts more; the proven one if they are equal.
  [[nodiscard]] bool rests_on_proof(const Standings& standings) const;
  /// An illegitimate attempt; whether it is allowed.
  struct Tried {
    const Address& source;
    const Destination& destination;
    bool proven;
  };
  bool exempt(const Tried& tried, Time now);
  /// Who is distrusted for the first time and was it at that time or earlier is neutral again.
  [[nodiscard]] Time over(Time now) const { return now - rules_.schedule.total_proven(0); }
  void enter(const Distrusted& distrusted, const Tried& tried, Time now);
  [[nodiscard]] TrustLevel ground(const Distrusted& distrusted, unsigned bits, Time now) const;

  Rules rules_;
  Key128 draw_;
  SourceMask mask_;
  std::array<unsigned, 2> bits_;  ///< of a source, IPv4 and IPv6
  Sketch sketch_;
  ProvenSources sources_;
  Escalation escalation_;
  AllowedTally allowed_;
  TrustSink* sink_ = nullptr;
  Counters counters_;
};

}  // namespace mitibox
