// SPDX-License-Identifier: BSD-3-Clause
// Trust as the operator changes it by hand.
#include "trust/trust.hpp"

namespace mitibox {

bool Trust::distrust(const Address& source, Time until, Time now) {
  if (never_.contains(source)) return false;
  const Attempt attempt = find(source);
  enter(attempt, until - schedule_.first(schedule_.full()), now);
  return true;
}

Trust::Forgiven Trust::forgive(const Address& source) {
  const Source key = mask_(source);
  const std::uint64_t hash = sources_.hash(key);
  return {sources_.remove(key, hash), sketch_.forget(hash)};
}

}  // namespace mitibox
