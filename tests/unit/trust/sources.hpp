// SPDX-License-Identifier: BSD-3-Clause
/// Sources, destinations and policies for the tests of Trust.
#pragma once

#include "trust/trust.hpp"

namespace mitibox::test {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Decision = Trust::Decision;

inline const Secrets kTrustSecrets = Secrets::derive({7, 8});
inline const std::vector<PartialLevel> kPaperLevels = {
    {0.75, Seconds(600)}, {0.5, Seconds(600)}, {0.25, Seconds(600)}};

/// The paper's levels of ten minutes each.
inline Policy trust_policy(Policy::Evidence evidence, unsigned doublings = 0) {
  Policy p;
  p.trust.doublings = doublings;
  p.trust.evidence = evidence;
  p.trust.partial = kPaperLevels;
  return p;
}

inline Address outside(std::uint32_t n) {
  return Address(be32(0x0a000000U + n));
}
inline Address from_text(std::string_view text) {
  return parse_address(text).value();
}

/// The n-th of 2^24 destinations.
inline Destination target(std::uint32_t n) {
  return {Address(be32(0xcb007100U + (n >> 16U))), static_cast<std::uint16_t>(n), protocol::kTcp};
}

inline double diverted_share(Trust& t, const Address& source, std::uint32_t attempts, Time now) {
  std::uint32_t diverted = 0;
  for (std::uint32_t i = 0; i < attempts; ++i)
    diverted += t.judge(source, target(i), now) == Decision::divert;
  return diverted / double(attempts);
}

}  // namespace mitibox::test
