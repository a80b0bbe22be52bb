// SPDX-License-Identifier: BSD-3-Clause
/// Trust's knowledge as sections of the state file.
#pragma once

#include <string>
#include <vector>

#include "base/secrets.hpp"
#include "policy/policy.hpp"
#include "shard/owner.hpp"
#include "state/image.hpp"
#include "trust/trust_state.hpp"

namespace mitibox {

/// What cells of unproven evidence rest on, as one number; see TrustState::layout. Also what their
/// grades mean: a light suspicion of one policy is none, or a full distrust, of another.
std::uint64_t trust_layout(const Policy& policy, const Secrets& secrets, const Owner& owner,
                           unsigned workers);

/// Adds the sections.
void add_sections(Image& image, const TrustState& trust);

struct ReadTrust {
  TrustState trust;                  ///< in the terms of today's policy; quietest sources first
  bool cells = false;                ///< whether the cells can be used
  std::vector<std::string> remarks;  ///< what cannot, and why; a line each
};

/// What an image knows that this policy, and workers of this layout, can use. Sources of a longer
/// trust prefix become those of a shorter one; the other way round nobody knows who it was.
ReadTrust read_sections(const Image& image, const Policy& policy, std::uint64_t layout);

}  // namespace mitibox
