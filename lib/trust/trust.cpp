// SPDX-License-Identifier: BSD-3-Clause
#include "trust/trust.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

namespace mitibox {

namespace {

/// Scanners' sources are neighbours; each that is alone takes a prefix of each length.
constexpr std::uint32_t kSourcesAPrefix = 16;

std::uint32_t prefixes_of(std::uint32_t sources) {
  return std::max(1U, sources / kSourcesAPrefix);
}

Prefix prefix_of(const Address& address, unsigned bits) {
  return {masked(address, bits), bits};
}

}  // namespace

Trust::Rules::Rules(const Policy& policy)
    : weighted(policy.trust.evidence != Policy::Evidence::attempt),
      only_proof(policy.trust.evidence == Policy::Evidence::proof),
      schedule(policy),
      allow(policy) {}

Trust::Trust(const Policy& policy, const Secrets& secrets, std::uint32_t capacity,
             std::string_view name)
    : rules_(policy),
      draw_(secrets.draw),
      mask_(policy),
      bits_{policy.trust.ipv4_prefix, policy.trust.ipv6_prefix},
      sketch_(capacity, {std::string(name) + "-sketch", "tables.sources"}),
      sources_(capacity, secrets.sketch, std::string(name) + "-sources"),
      escalation_(policy,
                  {prefixes_of(capacity), secrets.sketch, std::string(name) + "-prefixes"}) {}

Trust::~Trust() = default;

Trust::Attempt Trust::find(const Address& source) const {
  const Source key = mask_(source);
  const std::uint64_t hash = sources_.hash(key);
  return {key, hash, escalation_.heavier(key, sources_.find(key, hash), rules_.schedule)};
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
  escalation_.find(attempts.first(openings.size()), rules_.schedule);
}

// Two stores that agree on the start of a level draw once, not twice.
bool Trust::diverts(const Source& source, const Destination& destination,
                    const Schedule::Level& level) const {
  if (level.number <= 1) return level.number == 1;
  const std::uint64_t service = destination.port | static_cast<std::uint64_t>(destination.protocol)
                                                       << 16U;
  return rules_.schedule.share(level.number)
      .takes(siphash13_of(draw_, source.high, source.low, destination.address.high(),
                          destination.address.low(), service, level.since.count()));
}

bool Trust::rests_on_proof(const Standings& s) const {
  return s.proven.level.number != 0 && rules_.schedule.divert(s.proven.level.number) >=
                                           rules_.schedule.divert(s.unproven.level.number);
}

Trust::Decision Trust::judge_level(const Attempt& attempt, const Address& source,
                                   const Destination& destination, Time now) {
  const Standings s = look_up(attempt, now);
  const unsigned number = (rests_on_proof(s) ? s.proven : s.unproven).level.number;
  const std::size_t row = std::min<std::size_t>(number, std::size(counters_.passed) - 1);
  if (number != 0 && diverts(attempt, destination, s) &&
      !rules_.allow.allows(source, destination)) {
    ++counters_.diverted[row];
    return Decision::divert;
  }
  ++counters_.passed[row];
  return Decision::pass;
}

bool Trust::exempt(const Tried& tried, Time now) {
  if (!rules_.allow.allows(tried.source, tried.destination)) return false;
  ++counters_.allowed;
  const std::uint32_t many = allowed_.note(tried.source, tried.proven, now);
  if (many == 0) return true;
  ++counters_.allowed_many;
  if (sink_ != nullptr)
    sink_->tell({TrustEvent::Kind::allowed, tried.proven, many, tried.source, tried.destination,
                 prefix_of(tried.source, tried.source.is_v4() ? 32 : 128), now});
  return true;
}

void Trust::illegitimate(const Attempt& attempt, const Address& source,
                         const Destination& destination, Time now) {
  if (exempt({source, destination, false}, now) || rules_.only_proof) return;
  ++counters_.unproven;
  if (sketch_.note(attempt.hash, rules_.schedule, now)) ++counters_.sketch_evictions;
}

void Trust::proven(const Address& source, const Destination& destination, Time now) {
  if (exempt({source, destination, true}, now)) return;
  const Attempt attempt = find(source);
  const Standings s = look_up(attempt, now);
  if (diverts_by_proof(attempt, destination, s)) return;
  ++counters_.proven;
  Time start = now;
  if (!rules_.weighted && s.unproven.level.number != 0) {
    start = s.unproven.start;
    if (s.proven.level.number != 0) start = std::max(start, s.proven.start);
  }
  const Distrusted* const own = sources_.find(attempt.source, attempt.hash);
  const bool again =
      own != nullptr && rules_.schedule.proven(own->repeats, own->start, now).number != 0;
  const unsigned repeats = again ? std::min(own->repeats + 1, rules_.schedule.doublings()) : 0;
  enter({attempt.source, start, repeats}, {source, destination, true}, now);
}

/// Into the table of proven sources, and what follows for their prefixes.
void Trust::enter(const Distrusted& distrusted, const Tried& tried, Time now) {
  const auto displaced = sources_.put(distrusted, sources_.hash(distrusted.source));
  if (displaced && displaced->start > now - rules_.schedule.total_proven(displaced->repeats))
    ++counters_.source_evictions;
  const Escalation::Change change =
      escalation_.note(distrusted.source, distrusted.start, over(now));
  if (change.displaced) ++counters_.prefix_evictions;
  counters_.escalations += change.count;
  if (change.count == 0 || sink_ == nullptr) return;
  sink_->tell({TrustEvent::Kind::escalated, tried.proven, change.members, tried.source,
               tried.destination, prefix_of(tried.source, change.bits), now});
}

const Trust::Counters& Trust::counters() const {
  return counters_;
}

std::uint32_t Trust::proven_sources() const {
  return sources_.size();
}

void Trust::sweep(Time now, std::uint32_t budget) {
  sources_.forget(now, rules_.schedule, budget);
  escalation_.forget(now, rules_.schedule.total_proven(0), budget);
}

std::size_t Trust::memory_bytes(std::uint32_t capacity) {
  return Sketch::memory_bytes(capacity) + ProvenSources::memory_bytes(capacity) +
         Escalation::memory_bytes(prefixes_of(capacity));
}

}  // namespace mitibox
