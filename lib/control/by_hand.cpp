// SPDX-License-Identifier: BSD-3-Clause
// distrust, forgive: the operator's own judgement of a source.
#include <fmt/format.h>

#include "control/arguments.hpp"
#include "control/errands.hpp"
#include "control/standing.hpp"
#include "control/wall_time.hpp"

namespace mitibox {

RunCommand run_distrust, run_forgive;

namespace {

constexpr Seconds kLongest = std::chrono::hours(24) * 365;

struct Distrust : Errand {
  Distrust(const Address& s, Time f) : source(s), length(f) {}
  void serve(Chain& chain, Now now) override {
    done = chain.trust().distrust(source, now.time + length, now.time);
  }

  const Address source;
  const Time length;
  bool done = false;
};

struct Forgive : Errand {
  Forgive(const Address& s, bool p) : source(s), prefixes(p) {}
  void serve(Chain& chain, Now now) override {
    done = chain.trust().forgive(source, prefixes);
    left = chain.trust().level(source, now.time);
  }

  const Address source;
  const bool prefixes;
  Trust::Forgiven done;
  TrustLevel left;
};

/// A protected address is nobody's source.
Address source_of(const Arguments& arguments, const Policy& policy) {
  const Address a = arguments.address("address");
  if (PrefixSet(policy.protected_prefixes).contains(a))
    throw ControlError(fmt::format("{} is protected; expected an outside address", to_string(a)));
  return a;
}

}  // namespace

Json run_distrust(Box& box, const Json& given, const Emit& /*emit*/) {
  const Arguments arguments(given, {"address", "for"});
  const auto policy = box.policy();
  const Address address = source_of(arguments, *policy);
  const Seconds length = arguments.optional_duration("for").value_or(policy->trust.distrusted);
  if (length > kLongest) throw ControlError("for: expected at most 365d");
  Distrust errand(address, length);
  box.ask(box.owner_of(address), errand);
  if (!errand.done)
    throw ControlError(fmt::format(
        "{} is never distrusted: see trust.never_distrust and trust.allow in the policy",
        to_string(address)));
  return {{"source", to_string(source_prefix(address, *policy))},
          {"distrusted_for_s", length.count()},
          {"until", date_of(length, Time{0})},
          {"note", "connections that it has go on"}};
}

Json run_forgive(Box& box, const Json& given, const Emit& /*emit*/) {
  const Arguments arguments(given, {"address", "with"});
  const auto policy = box.policy();
  const Address address = source_of(arguments, *policy);
  const bool prefixes = arguments.has("with");
  if (prefixes && arguments.text("with") != "prefixes")
    throw ControlError("with: expected \"prefixes\"");
  Forgive errand(address, prefixes);
  box.ask(box.owner_of(address), errand);
  Json done{{"source", to_string(source_prefix(address, *policy))},
            {"forgiven_proven", errand.done.proven},
            {"forgiven_unproven", errand.done.unproven},
            {"forgiven_prefixes", errand.done.prefixes}};
  if (errand.left.number != 0) done["still_distrusted_on"] = to_string(errand.left.on);
  return done;
}

}  // namespace mitibox
