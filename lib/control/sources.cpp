// SPDX-License-Identifier: BSD-3-Clause
// sources: those of whom something is proven, most distrusted first.
#include <algorithm>
#include <array>
#include <vector>

#include "control/arguments.hpp"
#include "control/errands.hpp"
#include "control/standing.hpp"
#include "control/wall_time.hpp"

namespace mitibox {

RunCommand run_sources;

namespace {

constexpr std::uint64_t kUsualSources = 100;
constexpr std::uint64_t kMostSources = 10'000;

/// The proven sources of one worker, a piece at a time.
struct ListSources : Errand {
  void serve(Chain& chain, Now /*now*/) override { count = chain.trust().copy(cursor, sources); }

  std::uint32_t cursor = 0;
  std::size_t count = 0;
  std::array<SavedSource, 512> sources;  // read in turn: 16 KiB
};

/// Whose distrust began later is distrusted more, or as much and longer.
bool later(const SavedSource& a, const SavedSource& b) {
  return a.start > b.start;
}

/// Keeps those that began last, at most `limit`, the earliest of them on top.
void keep(std::vector<SavedSource>& heap, const SavedSource& source, std::size_t limit) {
  if (heap.size() == limit) {
    if (!later(source, heap.front())) return;
    std::pop_heap(heap.begin(), heap.end(), later);
    heap.pop_back();
  }
  heap.push_back(source);
  std::push_heap(heap.begin(), heap.end(), later);
}

}  // namespace

Json run_sources(Box& box, const Json& given, const Emit& emit) {
  const Arguments arguments(given, {"limit"});
  const auto limit = static_cast<std::size_t>(
      arguments.optional_number("limit", {1, kMostSources}).value_or(kUsualSources));
  std::vector<SavedSource> latest;
  std::uint64_t all = 0;
  for (unsigned worker = 0; worker < box.workers(); ++worker)
    for (ListSources list; list.cursor != UINT32_MAX;) {
      box.ask(worker, list);
      all += list.count;
      for (std::size_t i = 0; i < list.count; ++i) keep(latest, list.sources[i], limit);
    }
  std::sort_heap(latest.begin(), latest.end(), later);
  const auto policy = box.policy();
  std::uint64_t shown = 0;
  for (const SavedSource& s : latest) {
    LevelOf asked(s.source.address());
    box.ask(box.owner_of(asked.source), asked);
    const TrustLevel& level = asked.level;
    if (level.number == 0) continue;  // decayed or forgiven meanwhile
    emit({{"source", to_string(source_prefix(asked.source, *policy))},
          {"level", name_of(level)},
          {"diverted_share", level.divert},
          {"since", date_of(level.since, asked.asked_at)},
          {"until", date_of(level.until, asked.asked_at)},
          {"left_s", seconds_until(level.until, asked.asked_at)}});
    ++shown;
  }
  return {{"shown", shown}, {"proven", all}, {"more", all > latest.size()}};
}

}  // namespace mitibox
