// SPDX-License-Identifier: BSD-3-Clause
/// Tables that had no room, found in what is counted anyway.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "observe/snapshot.hpp"

namespace mitibox {

/// Owned by one control thread.
class TableWatch {
 public:
  /// Of one table is told so often at most.
  static constexpr Time kQuiet = std::chrono::minutes(1);

  /// `full(table, count)`: since it was told last, so many found no room or gave way. Call it about
  /// once a second.
  template <typename Full>
  void check(const Snapshot& snapshot, Time now, Full full) {
    for (std::size_t i = 0; i < kTables.size(); ++i) {
      const std::uint64_t all = snapshot.get(kTables[i].group, kTables[i].entry);
      State& s = states_[i];
      if (all <= s.told || (s.ever && now - s.at < kQuiet)) continue;
      full(kTables[i].table, all - s.told);
      s = {all, now, true};
    }
  }

 private:
  struct Table {
    std::string_view table, group, entry;
  };
  static constexpr auto kTables = std::to_array<Table>({
      {"connections", "reasons", "connection_table_full"},
      {"connections (IPv4)", "tables", "ipv4_evicted"},
      {"connections (IPv6)", "tables", "ipv6_evicted"},
      {"sources", "trust", "source_evictions"},
      {"conversations", "reply", "conversation_evictions"},
      {"calls to hosts", "reply", "splices_full"},
      {"reply buffers", "reasons", "reply_pool"},
      {"hand-off", "reasons", "handoff_full"},
  });
  struct State {
    std::uint64_t told = 0;
    Time at{};
    bool ever = false;
  };
  std::array<State, kTables.size()> states_{};
};

}  // namespace mitibox
