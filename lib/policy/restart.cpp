// SPDX-License-Identifier: BSD-3-Clause
#include "policy/policy.hpp"

namespace mitibox {

// What sizes memory, what packets in flight rest on, and what was opened at the start.
std::vector<std::string> needs_restart(const Policy& running, const Policy& wanted) {
  const Policy& a = running;
  const Policy& b = wanted;
  std::vector<std::string> out;
  const auto check = [&out](const char* pointer, bool same) {
    if (!same) out.emplace_back(pointer);
  };
  check("/protected", a.protected_prefixes == b.protected_prefixes);
  check("/gateways", a.gateways == b.gateways);
  check("/admission", a.admission == b.admission);
  check("/probability/retransmission",
        a.probability.retransmission == b.probability.retransmission);
  check("/trust/ipv4_prefix", a.trust.ipv4_prefix == b.trust.ipv4_prefix);
  check("/trust/ipv6_prefix", a.trust.ipv6_prefix == b.trust.ipv6_prefix);
  check("/trust/escalate", a.trust.escalate == b.trust.escalate);
  check("/neighbours", a.neighbours == b.neighbours);
  check("/reply", a.reply == b.reply);
  check("/normalise", a.normalise == b.normalise);
  check("/timeouts/grace", a.timeouts.grace == b.timeouts.grace);
  check("/events/file", a.events.file == b.events.file);
  check("/events/socket", a.events.socket == b.events.socket);
  check("/tables", a.tables == b.tables);
  check("/state", a.state == b.state);
  check("/link", a.link == b.link);
  check("/http", a.http == b.http);
  return out;
}

}  // namespace mitibox
