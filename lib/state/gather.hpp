// SPDX-License-Identifier: BSD-3-Clause
/// Trust's knowledge, asked of the workers that own it in pieces that hold no burst up.
#pragma once

#include <functional>

#include "shard/mailbox.hpp"
#include "trust/trust_state.hpp"

namespace mitibox {

/// Has that worker serve the errand, or serves it for one that no longer runs; throws when it
/// cannot.
using Ask = std::function<void(unsigned worker, Errand& errand)>;

/// Fills in the sources and cells of all workers.
void gather(TrustState& trust, unsigned workers, const Ask& ask);

}  // namespace mitibox
