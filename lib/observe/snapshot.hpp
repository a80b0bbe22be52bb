// SPDX-License-Identifier: BSD-3-Clause
/// Everything that the box counts, gathered once, for whoever shows it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chain/chain.hpp"
#include "observe/event_log.hpp"

namespace mitibox {

struct Snapshot {
  struct Entry {
    std::string name;  ///< lower case, digits and underscores
    std::uint64_t value;
  };
  struct Group {
    std::string name;
    std::vector<Entry> entries;
  };
  std::vector<Group> groups;

  /// 0 when there is none.
  [[nodiscard]] std::uint64_t get(std::string_view group, std::string_view name) const;
  [[nodiscard]] bool has(std::string_view group, std::string_view name) const;

 private:
  [[nodiscard]] const Entry* find(std::string_view group, std::string_view name) const;
};

/// Sums over all lcores. Any thread; numbers of a running lcore may be a moment apart.
Snapshot take_snapshot(const std::vector<const Chain*>& chains);

/// Adds the ports' own statistics as group "ports": outside_ipackets, inside_opackets, ...
void add_ports(Snapshot& snapshot, std::uint16_t outside, std::uint16_t inside);

/// Adds a pool's buffers to group "buffers": `what`_size, and `what`_in_use, by ports, queues,
/// tables.
void add_buffers(Snapshot& snapshot, std::string_view what, const rte_mempool* pool);

/// Adds to group "events" what became of them behind the lcores.
void add_events(Snapshot& snapshot, const EventLog::Counters& counters);

/// The table for the operator. Reasons that never occurred are left out.
std::string render_table(const Snapshot& snapshot);

/// Empty when every received frame ended in exactly one place, else what does not add up.
std::string check_accounting(const Snapshot& snapshot);

}  // namespace mitibox
