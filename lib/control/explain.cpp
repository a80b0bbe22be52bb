// SPDX-License-Identifier: BSD-3-Clause
// explain: what the box thinks of a source, and why.
#include "control/arguments.hpp"
#include "control/errands.hpp"
#include "control/wall_time.hpp"

namespace mitibox {

RunCommand run_explain;

namespace {

const char* name_of(const TrustLevel& level) {
  if (level.number == 0) return "untrusted";
  return level.number == 1 ? "distrusted" : "partially distrusted";
}

Prefix source_prefix(const Address& address, const Policy& policy) {
  const unsigned bits = address.is_v4() ? policy.trust.ipv4_prefix : policy.trust.ipv6_prefix;
  return {masked(address, bits), bits};
}

}  // namespace

Json run_explain(Box& box, const Json& given, const Emit& /*emit*/) {
  const Arguments arguments(given, {"address"});
  const Address address = arguments.address("address");
  const auto policy = box.policy();
  LevelOf question(address);
  box.ask(box.owner_of(address), question);
  const TrustLevel& level = question.level;
  Json done{{"address", to_string(address)},
            {"source", to_string(source_prefix(address, *policy))},
            {"level", name_of(level)},
            {"number", level.number},
            {"diverted_share", level.divert}};
  if (level.number == 0) return done;
  done["since"] = date_of(level.since, question.asked_at);
  done["until"] = date_of(level.until, question.asked_at);
  done["left_s"] = seconds_until(level.until, question.asked_at);
  done["evidence"] = level.proven ? "proven (it completed a forged handshake)" : "unproven";
  return done;
}

}  // namespace mitibox
