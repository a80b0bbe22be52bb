// SPDX-License-Identifier: BSD-3-Clause
// What a running box cannot change.
#include <catch2/catch.hpp>

#include "policy/policy.hpp"

using namespace mitibox;

namespace {

Policy with(const std::string& more) {
  return parse_policy(R"({"protected": ["203.0.113.0/24"])" + more + "}", "policy.json");
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("What may change in a running box, and what takes a restart", "[policy]") {
  const Policy before = with("");
  CHECK(needs_restart(before, before).empty());
  const char* free[] = {
      R"(, "mode": "monitor")",
      R"(, "services": [{"address": "203.0.113.10", "tcp": [80]}])",
      R"(, "learn": {"for": "7d", "ports": [443]}, "import": [{"file": "/x"}])",
      R"(, "hairpin": "pass")",
      R"(, "probability": {"drop": 0.1})",
      R"(, "trust": {"distrusted": "1m", "evidence": "weighted", "partial": [],
          "never_distrust": ["192.0.2.0/28"], "light": "5s", "doublings": 1})",
      R"(, "timeouts": {"udp": "9s", "established": "3h"})",
      R"(, "events": {"types": ["drop"], "rate": 3})",
  };
  for (const char* more : free) {
    CAPTURE(more);
    CHECK(needs_restart(before, with(more)).empty());
  }
  const std::pair<const char*, const char*> fixed[] = {
      {R"(, "gateways": ["203.0.113.1"])", "/gateways"},
      {R"(, "admission": "forward")", "/admission"},
      {R"(, "probability": {"retransmission": "hold"})", "/probability/retransmission"},
      {R"(, "trust": {"ipv4_prefix": 24})", "/trust/ipv4_prefix"},
      {R"(, "trust": {"ipv6_prefix": 60})", "/trust/ipv6_prefix"},
      {R"(, "trust": {"escalate": {"count": 3}})", "/trust/escalate"},
      {R"(, "neighbours": {"answer_live": false})", "/neighbours"},
      {R"(, "reply": {"surface": "sparse"})", "/reply"},
      {R"(, "reply": {"voices": [{"ports": [22], "greeting": "x"}]})", "/reply"},
      {R"(, "normalise": {"isn": false})", "/normalise"},
      {R"(, "timeouts": {"grace": "1m"})", "/timeouts/grace"},
      {R"(, "events": {"file": "/var/log/x"})", "/events/file"},
      {R"(, "events": {"socket": "/run/x"})", "/events/socket"},
      {R"(, "tables": {"sources": 4096})", "/tables"},
      {R"(, "state": {"save_every": "5m"})", "/state"},
      {R"(, "link": {"mirror": false})", "/link"},
      {R"(, "http": {"listen": "127.0.0.1:9100"})", "/http"},
  };
  for (const auto& [more, name] : fixed) {
    CAPTURE(more);
    CHECK(needs_restart(before, with(more)) == Names{name});
  }
  CHECK(needs_restart(before, parse_policy(R"({"protected": ["203.0.112.0/24"]})", "x")) ==
        Names{"/protected"});
}
