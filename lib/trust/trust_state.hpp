// SPDX-License-Identifier: BSD-3-Clause
/// What Trust knows, as it outlives the process.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "base/time.hpp"
#include "trust/source.hpp"

namespace mitibox {

/// A source that proved its address. As it stands in the state file.
struct SavedSource {
  Source source;
  Time start{};  ///< of its distrust
  /// Length of the widest prefix of which it is a member: wider ones were forgiven. 0: none was.
  std::uint32_t member_of = 0;
  std::uint32_t repeats = 0;  ///< as Distrusted::repeats
};
static_assert(sizeof(SavedSource) == 32 && std::is_trivially_copyable_v<SavedSource>);

/// Unproven evidence: a cell of a worker's sketch. As it stands in the state file.
struct SavedCell {
  std::uint32_t worker = 0;
  std::uint32_t place = 0;
  std::uint32_t fingerprint = 0;
  std::uint32_t grade = 0;
  Time start{};
};
static_assert(sizeof(SavedCell) == 24 && std::is_trivially_copyable_v<SavedCell>);

struct TrustState {
  unsigned ipv4_prefix = 32;  ///< what made a source
  unsigned ipv6_prefix = 64;
  std::vector<SavedSource> sources;
  /// Cells know their sources by a hash alone: they are of use only to as many workers with
  /// sketches as large, the same keys, and the same spans. Equal numbers say so.
  std::uint64_t layout = 0;
  std::vector<SavedCell> cells;
};

struct RestoredTrust {
  std::uint64_t sources = 0;  ///< distrusted still
  std::uint64_t cells = 0;    ///< remembered still
  std::uint64_t expired = 0;
};

}  // namespace mitibox
