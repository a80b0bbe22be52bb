// SPDX-License-Identifier: BSD-3-Clause
#include "trust/trust.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

namespace mitibox {

Trust::Trust(const Policy& policy, const Secrets& secrets, std::uint32_t capacity,
             std::string_view name)
    : weighted_(policy.trust.evidence != Policy::Evidence::attempt),
      only_proof_(policy.trust.evidence == Policy::Evidence::proof),
      draw_(secrets.draw),
      schedule_(policy),
      mask_(policy),
      never_(policy.trust.never_distrust),
      sketch_(capacity, {std::string(name) + "-sketch", "tables.sources"}),
      sources_(capacity, secrets.sketch, std::string(name) + "-sources") {}

Trust::~Trust() = default;

Trust::Attempt Trust::find(const Address& source) const {
  const Source key = mask_(source);
  const std::uint64_t hash = sources_.hash(key);
  return {key, hash, sources_.find(key, hash)};
}

void Trust::find(std::span<const Packet* const> openings, std::span<Attempt> attempts) const {
  std::array<std::array<std::uint64_t, kBurst>, 2> columns;
  std::array<std::uint64_t, kBurst> hashes;
  for (std::size_t i = 0; i < openings.size(); ++i) {
    attempts[i].source = mask_(openings[i]->source());
    columns[0][i] = attempts[i].source.high;
    columns[1][i] = attempts[i].source.low;
  }
  sources_.hash(columns, openings.size(), hashes);
  for (std::size_t i = 0; i < openings.size(); ++i) {
    attempts[i].hash = hashes[i];
    attempts[i].proven = nullptr;
    sketch_.prefetch(hashes[i]);
  }
  sources_.find(attempts.first(openings.size()));
}

// Two stores that agree on the start of a level draw once, not twice.
bool Trust::diverts(const Source& source, const Destination& destination,
                    const Schedule::Level& level) const {
  if (level.number <= 1) return level.number == 1;
  const std::uint64_t service = destination.port | static_cast<std::uint64_t>(destination.protocol)
                                                       << 16U;
  return schedule_.share(level.number)
      .takes(siphash13_of(draw_, source.high, source.low, destination.address.high(),
                          destination.address.low(), service, level.since.count()));
}

bool Trust::diverts(const Source& source, const Destination& destination,
                    const Standings& s) const {
  return diverts(source, destination, s.proven.level) ||
         diverts(source, destination, s.unproven.level);
}

bool Trust::would_divert(const Address& source, const Destination& destination, Time now) const {
  const Attempt attempt = find(source);
  return !never_.contains(source) && diverts(attempt.source, destination, look_up(attempt, now));
}

bool Trust::rests_on_proof(const Standings& s) const {
  return s.proven.level.number != 0 &&
         schedule_.divert(s.proven.level.number) >= schedule_.divert(s.unproven.level.number);
}

Trust::Decision Trust::judge_level(const Attempt& attempt, const Address& source,
                                   const Destination& destination, Time now) {
  const Standings s = look_up(attempt, now);
  const unsigned number = (rests_on_proof(s) ? s.proven : s.unproven).level.number;
  const std::size_t row = std::min<std::size_t>(number, std::size(counters_.passed) - 1);
  if (number != 0 && diverts(attempt.source, destination, s) && !never_.contains(source)) {
    ++counters_.diverted[row];
    return Decision::divert;
  }
  ++counters_.passed[row];
  return Decision::pass;
}

bool Trust::exempt(const Address& source) {
  if (!never_.contains(source)) return false;
  ++counters_.exempt;
  return true;
}

void Trust::illegitimate(const Attempt& attempt, const Address& source, Time now) {
  if (only_proof_ || exempt(source)) return;
  ++counters_.unproven;
  if (sketch_.note(attempt.hash, schedule_, now)) ++counters_.sketch_evictions;
}

void Trust::proven(const Address& source, const Destination& destination, Time now) {
  if (exempt(source)) return;
  const Attempt attempt = find(source);
  const Source& key = attempt.source;
  const Standings s = look_up(attempt, now);
  if (diverts(key, destination, s.proven.level)) return;
  ++counters_.proven;
  Time start = now;
  if (!weighted_ && s.unproven.level.number != 0) {
    start = s.unproven.start;
    if (s.proven.level.number != 0) start = std::max(start, s.proven.start);
  }
  enter(attempt, start, now);
}

void Trust::enter(const Attempt& attempt, Time start, Time now) {
  const Time displaced = sources_.put(attempt.source, attempt.hash, start);
  if (displaced != Time::max() && now - displaced < schedule_.total(schedule_.full()))
    ++counters_.source_evictions;
}

TrustLevel Trust::level(const Address& source, Time now) const {
  if (never_.contains(source)) return {};
  const Standings s = look_up(find(source), now);
  const bool proven = rests_on_proof(s);
  const Schedule::Level& l = (proven ? s.proven : s.unproven).level;
  // By hand for longer than T1: the start that follows is still to come.
  return {l.number, schedule_.divert(l.number), std::min(l.since, now), l.until, proven};
}

const Trust::Counters& Trust::counters() const {
  return counters_;
}

std::uint32_t Trust::proven_sources() const {
  return sources_.size();
}

void Trust::sweep(Time now, std::uint32_t budget) {
  sources_.forget(now - schedule_.total(schedule_.full()), budget);
}

std::size_t Trust::memory_bytes(std::uint32_t capacity) {
  return Sketch::memory_bytes(capacity) + ProvenSources::memory_bytes(capacity);
}

}  // namespace mitibox
