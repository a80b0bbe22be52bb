// SPDX-License-Identifier: BSD-3-Clause
// explain: what the box thinks of a source, why, and what an attempt of its would meet.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "control/arguments.hpp"
#include "control/discovery.hpp"
#include "control/errands.hpp"
#include "control/grounds.hpp"
#include "control/outcome.hpp"
#include "control/standing.hpp"
#include "control/wall_time.hpp"
#include "packet/wire.hpp"
#include "policy/text.hpp"

namespace mitibox {

RunCommand run_explain;

namespace {

constexpr std::size_t kMostServices = 32;  ///< that offer a port, shown without a destination

bool offers(const Service& s, const Destination& to) {
  if (to.protocol == 0) return s.echo;
  const auto& ports = to.protocol == protocol::kTcp ? s.tcp : s.udp;
  return std::any_of(ports.begin(), ports.end(),
                     [&](const PortRange& r) { return r.first <= to.port && to.port <= r.last; });
}

Address next(Address a) {
  for (std::size_t i = a.bytes.size(); i-- > 0 && ++a.bytes[i] == 0;) {
  }
  return a;
}

/// Of the source's family: services that offer the port, and one address that does not.
std::vector<Address> examples(const Policy& policy, const Ruleset& rules, const Destination& to,
                              bool v4) {
  std::vector<Address> found;
  for (const Service& s : rules.services())
    if (s.address.is_v4() == v4 && offers(s, to) && found.size() < kMostServices)
      found.push_back(s.address);
  for (const Destination& d : rules.found())
    if (d.address.is_v4() == v4 && d.protocol == to.protocol && d.port == to.port &&
        found.size() < kMostServices)
      found.push_back(d.address);
  for (const Prefix& p : policy.protected_prefixes) {
    if (p.address.is_v4() != v4) continue;
    const auto taken = [&](const Address& a) {
      const auto& g = policy.gateways;
      return a == p.address || std::find(g.begin(), g.end(), a) != g.end() ||
             std::any_of(rules.services().begin(), rules.services().end(),
                         [&](const Service& s) { return s.address == a && offers(s, to); }) ||
             rules.row_of({a, to.port, to.protocol});
    };
    Address a = p.address;
    while (taken(a) && a != p.last()) a = next(a);
    if (taken(a)) continue;
    found.push_back(a);
    break;
  }
  return found;
}

/// By what the destination is legitimate.
const char* listed(Box& box, const Destination& to) {
  const auto rules = box.regime().ruleset();
  const auto row = rules->row_of(to);
  if (!row) return "-";
  if (*row < rules->services().size()) return "static";
  const auto found = box.discovery().find(to);
  if (!found || found->imported()) return "imported";
  return "learned";
}

Json foretell(Box& box, const Address& source, Destination to) {
  if (to.protocol == 0) to.protocol = to.address.is_v4() ? protocol::kIcmp : protocol::kIcmpv6;
  Foretell question(source, to);
  box.ask(box.owner_of(source), question);
  Json row = describe(to, question.forecast, *box.policy());
  row["listed"] = listed(box, to);
  return row;
}

void add_level(Json& done, const LevelOf& asked) {
  const TrustLevel& level = asked.level;
  done["level"] = name_of(level);
  done["number"] = level.number;
  done["diverted_share"] = level.divert;
  if (level.number == 0) return;
  done["since"] = date_of(std::min(level.since, asked.asked_at), asked.asked_at);
  done["until"] = date_of(level.until, asked.asked_at);
  done["left_s"] = seconds_until(level.until, asked.asked_at);
  done["on"] = to_string(level.on);
  done["evidence"] = level.members != 0
                         ? "proven: sources of its prefix completed forged handshakes"
                     : level.proven ? "proven: it completed a forged handshake, or by hand"
                                    : "unproven: packets in its name";
}

}  // namespace

Json run_explain(Box& box, const Json& given, const Emit& /*emit*/) {
  const Arguments arguments(given, {"address", "port", "to"});
  const Address source = arguments.address("address");
  const auto destination = arguments.optional_address("to");
  if (destination && destination->is_v4() != source.is_v4())
    throw ControlError("to: expected an address of the same family as the source");
  if (destination && !arguments.has("port"))
    throw ControlError("to: goes with a port (443, 53/udp or echo)");
  const auto policy = box.policy();
  LevelOf asked(source);
  box.ask(box.owner_of(source), asked);
  Json done{{"address", to_string(source)},
            {"source", to_string(source_prefix(source, *policy))},
            {"never_distrust", PrefixSet(policy->trust.never_distrust).contains(source)}};
  add_level(done, asked);
  done["grounds"] = grounds_of(box, source);
  if (policy->mode == Policy::Mode::monitor)
    done["mode"] = "monitor: what follows is judged and counted, and every frame passes";
  if (!arguments.has("port")) return done;
  Destination to = arguments.text("port") == "echo" ? Destination{} : arguments.service("port");
  Json& attempts = done["attempts"] = Json::array();
  const auto where = destination ? std::vector<Address>{*destination}
                                 : examples(*policy, *box.regime().ruleset(), to, source.is_v4());
  for (const Address& address : where) {
    to.address = address;
    attempts.push_back(foretell(box, source, to));
  }
  return done;
}

}  // namespace mitibox
