// SPDX-License-Identifier: BSD-3-Clause
// bypass, end-bypass: who may see the LAN as it is, for a while.
#include <fmt/format.h>

#include "control/arguments.hpp"
#include "control/regime.hpp"
#include "control/wall_time.hpp"
#include "packet/wire.hpp"
#include "policy/text.hpp"

namespace mitibox {

RunCommand run_bypass, run_end_bypass;

namespace {

constexpr Seconds kLongestBypass = std::chrono::hours(24) * 7;
constexpr unsigned kWidest[] = {24, 48};  ///< IPv4, IPv6

Prefix prefix_of(const Arguments& arguments, std::string_view name, const char* expected) {
  const std::string text = arguments.text(name);
  if (const auto address = parse_address(text)) return {*address, address->is_v4() ? 32U : 128U};
  if (const auto prefix = parse_prefix(text)) return *prefix;
  throw ControlError(
      fmt::format("{}: found '{}', expected {}", name, policy_text::printable(text), expected));
}

Prefix scanner_of(const Arguments& arguments, const Policy& policy) {
  const Prefix source = prefix_of(arguments, "address", "an outside address or prefix");
  const unsigned widest = kWidest[source.address.is_v4() ? 0 : 1];
  if (source.bits < widest)
    throw ControlError(
        fmt::format("address: found /{}, expected /{} or longer: whoever can use "
                    "an address of it sees the LAN as it is",
                    source.bits, widest));
  for (const Prefix& p : policy.protected_prefixes)
    if (p.contains(source.first()) || source.contains(p.first()))
      throw ControlError(
          fmt::format("{} is protected; expected an outside address", to_string(source)));
  return source;
}

void add_target(Bypass& bypass, const Arguments& arguments, const Policy& policy) {
  if (arguments.has("to")) {
    const Prefix to = prefix_of(arguments, "to", "a protected address or prefix");
    bool inside = false;
    for (const Prefix& p : policy.protected_prefixes)
      inside = inside || (p.bits <= to.bits && p.contains(to.first()));
    if (!inside)
      throw ControlError(fmt::format("to: found {}, expected what is protected", to_string(to)));
    if (to.address.is_v4() != bypass.source.address.is_v4())
      throw ControlError("to: expected an address of the same family as the source");
    bypass.to = to;
  }
  if (!arguments.has("port")) return;
  const Destination to = arguments.service("port");
  bypass.port = to.port;
  bypass.protocol = to.protocol;
}

Json row_of(const Bypass& b, Time now) {
  Json row{{"source", to_string(b.source)}, {"to", b.to ? to_string(*b.to) : "all"}};
  row["port"] =
      b.port ? fmt::format("{}/{}", *b.port, b.protocol == protocol::kUdp ? "udp" : "tcp") : "all";
  row["until"] = date_of(b.until, now);
  row["left_s"] = seconds_until(b.until, now);
  return row;
}

}  // namespace

Json run_bypass(Box& box, const Json& given, const Emit& emit) {
  const Arguments arguments(given, {"address", "for", "to", "port"});
  Regime& regime = box.regime();
  if (arguments.has("address")) {
    const auto policy = box.policy();
    Bypass bypass;
    bypass.source = scanner_of(arguments, *policy);
    add_target(bypass, arguments, *policy);
    const auto length = arguments.optional_duration("for");
    if (!length) throw ControlError("for is missing: a bypass ends by itself");
    if (*length > kLongestBypass) throw ControlError("for: expected at most 7d");
    bypass.until = regime.age() + *length;
    regime.begin(bypass);
    Json event = row_of(bypass, regime.age());
    event.erase("left_s");
    box.tell(EventType::bypass, {{"bypass", event}});
  } else if (!given.empty()) {
    throw ControlError("address is missing");
  }
  for (const Bypass& b : regime.bypasses()) emit(row_of(b, regime.age()));
  return Json::object();
}

Json run_end_bypass(Box& box, const Json& given, const Emit& /*emit*/) {
  const Arguments arguments(given, {"address"});
  const Prefix source = prefix_of(arguments, "address", "an outside address or prefix");
  const std::size_t ended = box.regime().end(source);
  if (ended == 0) throw ControlError(fmt::format("{} has no bypass", to_string(source)));
  return {{"ended", ended}};
}

}  // namespace mitibox
