// SPDX-License-Identifier: BSD-3-Clause
/// Connections that an earlier process left in its mappings.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "packet/packet.hpp"
#include "tracker/mapping.hpp"

namespace mitibox {

/// What a tracker made of them.
struct Restored {
  std::uint64_t connections = 0;
  std::uint64_t expired = 0;  ///< since the earlier process ended
  std::uint64_t refused = 0;  ///< no room
};

/// Read as a whole before the tables are made, which then take the files' place: the two never
/// need memory of the mappings' kind at once. Which worker had a connection, under which key and in
/// a table of which size, makes no difference. Used by one thread; afterwards read by any.
class Survivors {
 public:
  /// Reads all files of this place. Times become those of a box that reads `now` as its clock.
  Survivors(const Mapping::Place& place, Now now);

  /// What was not used and why, a line each, for the operator.
  [[nodiscard]] const std::vector<std::string>& remarks() const { return remarks_; }
  /// Intact connections; those too old to matter are not among them.
  [[nodiscard]] std::size_t size() const { return v4_.size() + v6_.size(); }
  /// Records that say they are whole and are not.
  [[nodiscard]] std::size_t damaged() const { return damaged_; }

  /// `visit(key words, record)`
  template <typename Visit>
  void each(Family family, Visit visit) const {
    if (family == Family::v4)
      for (const auto& row : v4_) visit(row.key, std::bit_cast<Connection>(row.record));
    else
      for (const auto& row : v6_) visit(row.key, std::bit_cast<Connection>(row.record));
  }

  /// Removes the files that no table has replaced. Call when all tables have restored theirs.
  void clear();

 private:
  template <std::size_t Words>
  struct Row {
    std::array<std::uint64_t, Words> key;
    std::array<std::byte, sizeof(Connection)> record;  ///< not aligned to a line: half the memory
  };
  struct Times;

  void read(const std::string& file, const Mapping::Place& place, Now now);
  /// Returns what is wrong with the file; nothing if it can be used.
  static std::string check(const Mapping::Header& header, std::size_t size,
                           const Mapping::Place& place);
  template <std::size_t Words>
  void take(const Mapping::Header& header, const Times& times, std::deque<Row<Words>>& rows);

  std::deque<Row<kKeySizeV4 / 8>> v4_;
  std::deque<Row<kKeySizeV6 / 8>> v6_;
  std::size_t damaged_ = 0;
  std::vector<std::string> remarks_;
  std::vector<std::string> files_;
};

}  // namespace mitibox
