// SPDX-License-Identifier: BSD-3-Clause
/// Heavy hitters of the whole box.
#pragma once

#include <vector>

#include "control/box.hpp"
#include "control/errands.hpp"

namespace mitibox {

/// The most frequent of all workers, at most `most`, most frequent first: those not seen for
/// HeavyHitters::kStale are left out. Destinations that several workers saw are summed up.
/// `now`: the box's time, when it was asked last. Throws ControlError.
struct Top {
  std::vector<TopOf::Row> rows;
  Time now{};
};
Top top(Box& box, TopOf::What what, std::size_t most);

}  // namespace mitibox
