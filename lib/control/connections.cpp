// SPDX-License-Identifier: BSD-3-Clause
// connections: what is tracked, filtered.
#include <fmt/format.h>

#include "control/arguments.hpp"
#include "control/list_connections.hpp"
#include "packet/wire.hpp"
#include "policy/text.hpp"

namespace mitibox {

RunCommand run_connections;

namespace {

constexpr std::uint64_t kUsualLimit = 1000;

std::string protocol_name(std::uint8_t number) {
  switch (number) {
    case protocol::kTcp:
      return "tcp";
    case protocol::kUdp:
      return "udp";
    case protocol::kIcmp:
    case protocol::kIcmpv6:
      return "echo";
    default:
      return fmt::format("ip {}", number);
  }
}

Json row_of(const ListConnections::Row& r) {
  const Connection& c = r.connection;
  return {{"protocol", protocol_name(r.ends.protocol)},
          {"outside", to_string(r.ends.outside.address)},
          {"outside_port", r.ends.outside.port.host()},
          {"inside", to_string(r.ends.inside.address)},
          {"inside_port", r.ends.inside.port.host()},
          {"opened_from", c.opener == Side::outside ? "outside" : "inside"},
          {"state", connection_state(c)},
          {"idle_s", static_cast<double>(r.idle_ms) / 1000}};
}

ListConnections::Filter filter_of(const Arguments& arguments, std::string& state) {
  ListConnections::Filter filter;
  filter.address = arguments.optional_address("address");
  if (const auto port = arguments.optional_number("port", {0, 65535}))
    filter.port = static_cast<std::uint16_t>(*port);
  if (arguments.has("state")) {
    state = arguments.text("state");
    if (!is_connection_state(state))
      throw ControlError(
          fmt::format("state: found '{}', expected syn_sent, simultaneous, syn_received, "
                      "established, closing, last_ack, time_wait, reset, calling, provisional, "
                      "answered or unanswered",
                      policy_text::printable(state)));
    filter.state = state;
  }
  return filter;
}

/// An outside address has all its connections with its owner.
std::pair<unsigned, unsigned> who_knows(const Box& box, const std::optional<Address>& address) {
  if (!address || PrefixSet(box.policy()->protected_prefixes).contains(*address))
    return {0, box.workers()};
  const unsigned owner = box.owner_of(*address);
  return {owner, owner + 1};
}

}  // namespace

Json run_connections(Box& box, const Json& given, const Emit& emit) {
  const Arguments arguments(given, {"address", "port", "state", "limit"});
  std::string state;
  const ListConnections::Filter filter = filter_of(arguments, state);
  const std::uint64_t limit =
      arguments.optional_number("limit", {1, UINT32_MAX}).value_or(kUsualLimit);
  std::uint64_t shown = 0;
  const auto [first, last] = who_knows(box, filter.address);
  for (unsigned worker = first; worker < last; ++worker)
    for (ListConnections list(filter); !list.over();) {
      box.ask(worker, list);
      for (const auto& row : list.rows()) {
        if (shown == limit) return {{"shown", shown}, {"more", true}};
        emit(row_of(row));
        ++shown;
      }
    }
  return {{"shown", shown}, {"more", false}};
}

}  // namespace mitibox
