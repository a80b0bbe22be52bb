// SPDX-License-Identifier: BSD-3-Clause
#include "control/levels.hpp"

#include <array>

#include "chain/chain.hpp"
#include "trust/schedule.hpp"

namespace mitibox {

namespace {

struct CopySources : Errand {
  void serve(Chain& chain, Now now) override {
    count = chain.trust().copy(cursor, sources);
    asked_at = now.time;
  }

  std::uint32_t cursor = 0;
  std::size_t count = 0;
  Time asked_at{};
  std::array<SavedSource, 1024> sources;  // read in turn: 32 KiB
};

}  // namespace

std::vector<std::uint64_t> count_levels(Box& box) {
  const Schedule schedule(*box.policy());
  std::vector<std::uint64_t> levels(box.policy()->trust.partial.size() + 1);
  for (unsigned worker = 0; worker < box.workers(); ++worker)
    for (CopySources copy; copy.cursor != UINT32_MAX;) {
      box.ask(worker, copy);
      for (std::size_t i = 0; i < copy.count; ++i) {
        const Schedule::Level level =
            schedule.level(schedule.full(), copy.sources[i].start, copy.asked_at);
        if (level.number != 0 && level.number <= levels.size()) ++levels[level.number - 1];
      }
    }
  return levels;
}

}  // namespace mitibox
