// SPDX-License-Identifier: BSD-3-Clause
#include "control/insight.hpp"

#include <algorithm>

#include "control/top.hpp"

namespace mitibox {

namespace {

double seconds(Time t) {
  return std::chrono::duration<double>(std::max(t, Time{})).count();
}

/// What one worker's lcore alone can say of itself.
struct LoadOf : Errand {
  void serve(Chain& chain, Now /*now*/) override {
    const Observer* const observer = chain.observer();
    if (observer == nullptr) return;
    const Load& load = observer->load;
    answer.polls = load.polls.get();
    answer.busy_polls = load.busy_polls.get();
    answer.busy_ns = load.busy_ns.get();
    for (std::size_t i = 0; i < answer.buckets.size(); ++i)
      answer.buckets[i] = load.buckets[i].get();
  }
  Insight::Worker answer;
};

/// From now on, if it does nothing more: the rest of its level, and the levels behind it, which are
/// as much shorter than the policy's as this one is.
double until_neutral(const TrustLevel& level, const Policy& policy, Time now) {
  const auto& partial = policy.trust.partial;
  // Another policy may have come into force since.
  if (level.number == 0 || level.number > partial.size() + 1) return 0;
  const Seconds whole =
      level.number == 1 ? policy.trust.distrusted : partial[level.number - 2].duration;
  // By hand it may last longer than the policy's, those behind it do not.
  const double share = std::min(1.0, seconds(level.until - level.since) / seconds(whole));
  double left = seconds(level.until - now);
  for (std::size_t i = level.number - 1; i < partial.size(); ++i)
    left += share * seconds(partial[i].duration);
  return left;
}

Insight::Source source_of(const TopOf::Row& row, const Policy& policy, Time now) {
  Insight::Source s;
  s.address = row.item.address;
  s.probes = row.count;
  s.seen = row.seen;
  s.level = row.level.number;
  s.divert = row.level.divert;
  s.proven = row.level.proven;
  if (s.level != 0) s.left = seconds(row.level.until - now);
  s.forgiven = until_neutral(row.level, policy, now);
  return s;
}

void add_top(Box& box, Insight& in) {
  const Top sources = top(box, TopOf::What::sources, Insight::kSources);
  for (const TopOf::Row& row : sources.rows)
    in.sources.push_back(source_of(row, *in.policy, sources.now));
  for (const TopOf::Row& row : top(box, TopOf::What::destinations, Insight::kProbed).rows)
    in.probed.push_back(
        {{row.item.address, row.item.port, row.item.protocol}, row.count, row.seen});
}

}  // namespace

std::vector<Insight::Table> Insight::tables() const {
  const auto& t = policy->tables;
  return {
      {"connections_ipv4", snapshot.get("tables", "ipv4_connections"), t.connections},
      {"connections_ipv6", snapshot.get("tables", "ipv6_connections"), t.of_ipv6()},
      {"sources", snapshot.get("trust", "proven_sources"), t.sources},
      {"conversations", snapshot.get("reply", "conversations"), t.conversations},
  };
}

Insight gather(Box& box) {
  Insight in;
  static const auto run = std::chrono::steady_clock::now();
  in.at = std::chrono::system_clock::now();
  in.moment = std::chrono::steady_clock::now();
  in.run = run;
  in.status = box.status();
  in.policy = box.policy();
  in.snapshot = box.snapshot();
  bool all_answer = true;
  for (unsigned worker = 0; worker < box.workers(); ++worker) {
    LoadOf load;
    try {
      box.ask(worker, load);
      load.answer.answers = true;
    } catch (const ControlError&) {
      all_answer = false;
    }
    in.workers.push_back(load.answer);
  }
  if (!all_answer) return in;
  try {
    add_top(box, in);
  } catch (const ControlError&) {  // one has stopped meanwhile
    in.sources.clear();
    in.probed.clear();
  }
  return in;
}

}  // namespace mitibox
