// SPDX-License-Identifier: BSD-3-Clause
#include "scrubber/fragment_table.hpp"

#include <algorithm>
#include <utility>

#include "chain/chain.hpp"

namespace mitibox {

FragmentTable::FragmentTable(const Policy& policy, const Secrets& secrets, Limits limits,
                             Counters& counters)
    : key_(secrets.fragment),
      source_of_(policy),
      most_frames_(std::max<std::uint32_t>(Pieces::kMost, limits.frames)),
      counters_(counters),
      datagrams_(limits.datagrams),
      sources_(limits.datagrams) {}

std::uint64_t FragmentTable::identity(const Packet& p) const {
  // IPv6 tells datagrams apart without the protocol, which later fragments need not know
  // (RFC 8200 4.5).
  const std::uint64_t protocol = p.family == Family::v4 ? p.protocol : 0U;
  const std::uint64_t rest =
      fragment_position(p).id | protocol << 32U | std::uint64_t{index(p.from)} << 40U;
  const Address from = p.source();
  const Address to = p.destination();
  return siphash13_of(key_, from.high(), from.low(), to.high(), to.low(), rest);
}

std::uint64_t FragmentTable::source_identity(const Packet& p) const {
  const Address address = p.source();
  // Hosts inside are known one by one.
  const Source source =
      p.from == Side::outside ? source_of_(address) : Source{address.high(), address.low()};
  return siphash13_of(key_, source.high, source.low, index(p.from));
}

std::optional<Pieces> FragmentTable::gather(Packet& p, Now now) {
  if (held_ >= most_frames_) drop(waiting_.first(), Reason::fragment_table_full);
  const std::uint64_t id = identity(p);
  std::uint32_t at = find(id, now);
  if (at == kNoIndex) at = open(p, id, now);
  Datagram& d = datagrams_[at];
  if (d.barred) {
    p.drop(d.why);
    return std::nullopt;
  }
  switch (d.pieces.add(p)) {
    case Pieces::Fit::added:
      ++held_;
      counters_.held.add();
      break;
    case Pieces::Fit::complete: {
      const Pieces all = std::exchange(d.pieces, Pieces{});
      const auto others = static_cast<std::uint32_t>(all.count() - 1);
      held_ -= others;
      counters_.held.add(-std::uint64_t{others});
      forget(at);
      return all;
    }
    case Pieces::Fit::duplicate:
      p.drop(Reason::fragment_duplicate);
      break;
    case Pieces::Fit::overlap:
      bar(at, Reason::fragment_overlap, now);
      p.drop(Reason::fragment_overlap);
      break;
    case Pieces::Fit::too_many:
      bar(at, Reason::fragment_count, now);
      p.drop(Reason::fragment_count);
      break;
  }
  return std::nullopt;
}

std::uint32_t FragmentTable::find(std::uint64_t id, Now now) {
  const std::uint32_t at = datagrams_.find(id);
  if (at == kNoIndex || !expired(datagrams_[at], now)) return at;
  drop(at, Reason::fragment_timeout);
  return kNoIndex;
}

std::uint32_t FragmentTable::open(const Packet& p, std::uint64_t id, Now now) {
  const std::uint64_t who = source_identity(p);
  const std::uint32_t known = sources_.find(who);
  if (known != kNoIndex && sources_[known].count >= kOfSource)
    drop(sources_[known].datagrams.first(), Reason::fragment_table_full);
  // What waits is worth more than what is refused.
  else if (datagrams_.full())
    drop((barred_.empty() ? waiting_ : barred_).first(), Reason::fragment_table_full);
  std::uint32_t source = sources_.find(who);  // its record may have gone with its last datagram
  if (source == kNoIndex) source = sources_.take(who);
  const std::uint32_t at = datagrams_.take(id);
  Datagram& d = datagrams_[at];
  d.since = now.tick;
  d.source = source;
  waiting_.push_back(datagrams_.data(), at);
  sources_[source].datagrams.push_back(datagrams_.data(), at);
  ++sources_[source].count;
  return at;
}

void FragmentTable::bar(std::uint32_t at, Reason why, Now now) {
  Datagram& d = datagrams_[at];
  end_frames(d, why);
  waiting_.remove(datagrams_.data(), at);
  barred_.push_back(datagrams_.data(), at);
  d.barred = true;
  d.why = why;
  d.since = now.tick;
}

void FragmentTable::end_frames(Datagram& d, Reason why) {
  const auto count = static_cast<std::uint32_t>(d.pieces.count());
  for (std::size_t i = 0; i < count; ++i) end_frame(d.pieces[i].frame, why, counters_);
  held_ -= count;
  counters_.held.add(-std::uint64_t{count});
  d.pieces = {};
}

void FragmentTable::forget(std::uint32_t at) {
  Datagram& d = datagrams_[at];
  ages(d).remove(datagrams_.data(), at);
  SourceRecord& source = sources_[d.source];
  source.datagrams.remove(datagrams_.data(), at);
  if (--source.count == 0) sources_.give_back(d.source);
  datagrams_.give_back(at);
}

void FragmentTable::drop(std::uint32_t at, Reason why) {
  end_frames(datagrams_[at], why);
  forget(at);
}

void FragmentTable::sweep(Now now, std::uint32_t most) {
  for (Ages* list : {&waiting_, &barred_})
    for (std::uint32_t n = 0; n < most && !list->empty(); ++n) {
      if (!expired(datagrams_[list->first()], now)) break;
      drop(list->first(), Reason::fragment_timeout);
    }
}

void FragmentTable::finish() {
  while (!waiting_.empty()) drop(waiting_.first(), Reason::shutdown);
}

std::size_t FragmentTable::memory_bytes(std::uint32_t datagrams) {
  return HashedRecords<Datagram>::memory_bytes(datagrams) +
         HashedRecords<SourceRecord>::memory_bytes(datagrams);
}

}  // namespace mitibox
