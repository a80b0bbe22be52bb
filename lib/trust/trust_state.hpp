// SPDX-License-Identifier: BSD-3-Clause
/// What Trust knows, as others may have it.
#pragma once

#include <type_traits>

#include "base/time.hpp"
#include "trust/source.hpp"

namespace mitibox {

/// A source that proved its address.
struct SavedSource {
  Source source;
  Time start{};  ///< of its distrust
};
static_assert(sizeof(SavedSource) == 24 && std::is_trivially_copyable_v<SavedSource>);

}  // namespace mitibox
