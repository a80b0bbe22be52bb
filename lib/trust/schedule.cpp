// SPDX-License-Identifier: BSD-3-Clause
#include "trust/schedule.hpp"

#include <algorithm>

namespace mitibox {

namespace {

/// span * part / whole without overflow.
Time scaled(Time span, Time part, Time whole) {
  if (part == whole) return span;
  const auto product =
      static_cast<unsigned __int128>(span.count()) * static_cast<unsigned __int128>(part.count());
  return Time(static_cast<Time::rep>(product / static_cast<unsigned __int128>(whole.count())));
}

/// The grades' spans of full distrust: `light`, doubled up to T1; then T1 doubled for repeats.
std::vector<Time> spans(const Policy& policy) {
  const Time whole = policy.trust.distrusted;
  std::vector<Time> out;
  if (policy.trust.evidence == Policy::Evidence::weighted)
    for (Time s = policy.trust.light; s > Time{} && s < whole; s *= 2) out.push_back(s);
  for (unsigned i = 0; i <= policy.trust.doublings; ++i) out.push_back(whole * (1U << i));
  return out;
}

}  // namespace

Schedule::Schedule(const Policy& policy)
    : levels_(static_cast<unsigned>(policy.trust.partial.size()) + 1),
      doublings_(policy.trust.doublings),
      diverts_{0.0, 1.0} {
  const Time whole = policy.trust.distrusted;
  for (const Time span : spans(policy)) {
    Time end = span;
    ends_.push_back(end);
    for (const PartialLevel& p : policy.trust.partial)
      ends_.push_back(end += scaled(p.duration, span, whole));
  }
  full_ = static_cast<unsigned>(ends_.size() / levels_) - 1 - doublings_;
  for (const PartialLevel& p : policy.trust.partial) diverts_.push_back(p.divert);
  for (const double d : diverts_) shares_.emplace_back(d);
}

}  // namespace mitibox
