// SPDX-License-Identifier: BSD-3-Clause
/// Trust's knowledge as sections of the state file.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.hpp"
#include "state/image.hpp"
#include "trust/trust_state.hpp"

namespace mitibox {

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
