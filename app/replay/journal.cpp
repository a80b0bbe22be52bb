// SPDX-License-Identifier: BSD-3-Clause
#include "journal.hpp"

#include <algorithm>
#include <tuple>

namespace mitibox::replay {

namespace {

Fate fate_of(std::optional<Reason> reason) {
  if (!reason) return Fate::passed;
  switch (*reason) {
    case Reason::coin:
    case Reason::coin_repeat:
      return Fate::dropped;
    case Reason::answered:
    case Reason::reply_silent:
    case Reason::reply_refused:
    case Reason::reply_pool:
      return Fate::diverted;
    default:
      return Fate::refused;
  }
}

}  // namespace

Journal::Journal(const Policy& policy)
    : protected_(policy.protected_prefixes),
      gateways_(policy.gateways),
      bits4_(policy.trust.ipv4_prefix),
      bits6_(policy.trust.ipv6_prefix) {}

std::optional<Reason> Journal::ended(const Counters& counters) {
  std::optional<Reason> which;
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    const std::uint64_t n = counters.ended[i].get();
    if (n != seen_[i]) which = static_cast<Reason>(i);
    seen_[i] = n;
  }
  return which;
}

SourceRecord& Journal::source(const Address& address) {
  const Address prefix = masked(address, address.is_v4() ? bits4_ : bits6_);
  SourceRecord& record = sources_[prefix];
  record.source = prefix;
  return record;
}

bool Journal::opens(const FrameView& view, const FlowRecord* flow, Now now) {
  if (view.is_tcp()) return view.is_syn();
  if (view.fragment != Fragment::none || view.protocol == protocol::kTcp) return false;
  const bool icmp =
      view.protocol == (view.family == Family::v4 ? protocol::kIcmp : protocol::kIcmpv6);
  if (icmp && !view.echo_request) return false;
  if (flow == nullptr || flow->fate == Fate::unknown || now.time - flow->last > kEpoch) return true;
  // A flow that did not get through keeps knocking.
  return flow->opened_outside && flow->fate != Fate::passed;
}

void Journal::attempt(FlowRecord& flow, SourceRecord& source, Fate fate, bool repeats) {
  flow.fate = fate;
  flow.opened_outside = true;
  if (repeats) {
    if (flow.waiting && (fate == Fate::passed || fate == Fate::diverted)) {
      ++attempts_.repeated;
      flow.waiting = false;
    }
    return;
  }
  ++attempts_.total;
  ++source.attempts;
  flow.waiting = fate == Fate::dropped;
  switch (fate) {
    case Fate::passed:
      ++attempts_.passed;
      break;
    case Fate::dropped:
      ++attempts_.delayed;
      ++source.delayed;
      break;
    case Fate::diverted:
      ++attempts_.diverted;
      break;
    default:
      ++attempts_.refused;
  }
}

bool Journal::answers_unasked(const FrameView& view, Side from, Now now) const {
  if (from != Side::inside || view.is_syn()) return false;
  const auto flow = flow_of(view, from);
  if (!flow) return false;
  const auto known = flows_.find(*flow);
  if (known == flows_.end() || known->second.fate != Fate::diverted) return false;
  return view.is_tcp() || now.time - known->second.last <= kEpoch;
}

void Journal::processed(const FrameView& view, Side from, const Counters& counters, Now now) {
  const auto reason = ended(counters);
  if (view.family == Family::none) return;
  const Address& far = from == Side::outside ? view.source : view.destination;
  const Address& near = from == Side::outside ? view.destination : view.source;
  if (!protected_.contains(near) || protected_.contains(far)) return;
  if (std::ranges::find(gateways_, near) != gateways_.end()) return;

  if (from == Side::outside) {
    SourceRecord& who = source(far);
    ++who.frames;
    if (reason && row(*reason).kind == ReasonKind::drop) ++who.dropped;
  }
  const auto flow = flow_of(view, from);
  if (!flow) return;
  const auto [at, fresh] = flows_.try_emplace(*flow);
  FlowRecord& record = at->second;
  const bool opening = opens(view, fresh ? nullptr : &record, now);
  if (opening && from == Side::outside) {
    const bool repeats = !fresh && record.opened_outside && now.time - record.last <= kEpoch &&
                         (!view.is_tcp() || record.isn == view.sequence);
    record.isn = view.sequence;
    attempt(record, source(far), fate_of(reason), repeats);
  } else if (opening) {
    record.fate = Fate::passed;
    record.opened_outside = false;
  } else if (reason && (record.fate == Fate::dropped || record.fate == Fate::diverted ||
                        record.fate == Fate::refused)) {
    ++consequences_[index(*reason)];
  }
  record.last = now.time;
}

void Journal::made(const FrameView& view) {
  if (view.family != Family::none) ++source(view.destination).forged;
}

std::vector<SourceRecord> Journal::sources() const {
  std::vector<SourceRecord> all;
  all.reserve(sources_.size());
  for (const auto& [address, record] : sources_) all.push_back(record);
  std::ranges::sort(all, [](const SourceRecord& a, const SourceRecord& b) {
    const auto weight = [](const SourceRecord& r) {
      return std::tuple(r.attempts, r.dropped, r.forged, r.frames);
    };
    return weight(a) != weight(b) ? weight(a) > weight(b) : a.source < b.source;
  });
  return all;
}

}  // namespace mitibox::replay
