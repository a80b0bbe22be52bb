// SPDX-License-Identifier: BSD-3-Clause
// Trust's knowledge, out to the state file and back.
#include "trust/trust_state.hpp"

#include "trust/trust.hpp"

namespace mitibox {

namespace {

constexpr Time kLongest = std::chrono::hours(24 * 400);

}  // namespace

std::size_t ProvenSources::copy(std::uint32_t& cursor, std::span<SavedSource> out) const {
  std::size_t count = 0;
  for (std::size_t looked = 0; looked < out.size() && cursor < capacity_; ++looked, ++cursor)
    if (const Record& r = records_[cursor]; r.start != kFree)
      out[count++] = {r.source, r.start, 0, r.repeats};
  if (cursor >= capacity_) cursor = kNone;
  return count;
}

std::size_t Sketch::copy(std::uint32_t& cursor, std::span<SavedCell> out) const {
  std::size_t count = 0;
  const auto cells = static_cast<std::uint32_t>(sets_.size() * kWays);
  for (std::size_t looked = 0; looked < out.size() && cursor < cells; ++looked, ++cursor)
    if (const Cell& c = sets_[cursor / kWays].cells[cursor % kWays]; c.fingerprint != 0)
      out[count++] = {0, cursor, c.fingerprint, c.grade, c.start};
  if (cursor >= cells) cursor = UINT32_MAX;
  return count;
}

bool Sketch::restore(const SavedCell& saved, const Schedule& schedule, Time now) {
  const Cell cell{saved.fingerprint, std::min(saved.grade, schedule.full()),
                  std::min(saved.start, now)};
  // So written that no time, however wrong, overflows.
  if (saved.place >= sets_.size() * kWays || cell.start <= now - schedule.remembered(cell.grade) ||
      !cell.holds(schedule, now))
    return false;
  sets_[saved.place / kWays].cells[saved.place % kWays] = cell;
  return true;
}

std::size_t Trust::copy(std::uint32_t& cursor, std::span<SavedSource> out) const {
  return sources_.copy(cursor, out);
}

std::size_t Trust::save(std::uint32_t& cursor, std::span<SavedSource> out) const {
  const std::size_t count = sources_.copy(cursor, out);
  for (SavedSource& s : out.first(count)) s.member_of = escalation_.member_of(s.source, s.start);
  return count;
}

std::size_t Trust::copy(std::uint32_t& cursor, std::span<SavedCell> out) const {
  return sketch_.copy(cursor, out);
}

bool Trust::restore(const SavedSource& saved, Time now) {
  const Source source = mask_(saved.source.address());
  const unsigned repeats = std::min(saved.repeats, rules_.schedule.doublings());
  // By hand it may begin later: a distrust until then ends a span after its start.
  const Time start = std::min(saved.start, now + kLongest);
  if (start <= now - rules_.schedule.total_proven(repeats)) return false;
  const std::uint64_t hash = sources_.hash(source);
  // Sources that a shorter prefix has made one: the latest counts.
  const Distrusted* const known = sources_.find(source, hash);
  if (known != nullptr && known->start >= start) return true;
  sources_.put({source, start, repeats}, hash);
  // What its prefixes were follows from it, but for what was forgiven.
  escalation_.note({source, start, saved.member_of}, over(now));
  return true;
}

bool Trust::restore(const SavedCell& saved, Time now) {
  return !rules_.only_proof && sketch_.restore(saved, rules_.schedule, now);
}

}  // namespace mitibox
