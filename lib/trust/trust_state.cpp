// SPDX-License-Identifier: BSD-3-Clause
// Trust's knowledge, for others.
#include "trust/trust_state.hpp"

#include "trust/trust.hpp"

namespace mitibox {

std::size_t ProvenSources::copy(std::uint32_t& cursor, std::span<SavedSource> out) const {
  std::size_t count = 0;
  for (std::size_t looked = 0; looked < out.size() && cursor < capacity_; ++looked, ++cursor)
    if (const Record& r = records_[cursor]; r.start != kFree) out[count++] = {r.source, r.start};
  if (cursor >= capacity_) cursor = kNone;
  return count;
}

std::size_t Trust::copy(std::uint32_t& cursor, std::span<SavedSource> out) const {
  return sources_.copy(cursor, out);
}

}  // namespace mitibox
