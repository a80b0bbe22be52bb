// SPDX-License-Identifier: BSD-3-Clause
// services, pin, refuse, forget, import-scan: which destinations are legitimate, and why.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "control/arguments.hpp"
#include "control/discovery.hpp"
#include "packet/wire.hpp"
#include "policy/text.hpp"

namespace mitibox {

RunCommand run_services, run_pin, run_refuse, run_forget, run_import_scan;

namespace {

std::string date(Date t) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(t));
}

std::string ports(const std::vector<PortRange>& ranges) {
  std::string out;
  for (const PortRange& r : ranges) {
    if (!out.empty()) out += ", ";
    out += r.first == r.last ? fmt::format("{}", r.first) : fmt::format("{}-{}", r.first, r.last);
  }
  return out;
}

/// A row for each kind of port. What is counted is so for the address, and stands in the first.
void list_static(const Service& s, const Discovery::Report& report, const Emit& emit) {
  bool first = true;
  const auto add = [&](const char* kind, const std::string& what) {
    Json row{{"address", to_string(s.address)},
             {"protocol", kind},
             {"port", what},
             {"source", "static"},
             {"state", s.is_public ? "public" : "normal"},
             {"evidence", "the policy"},
             {"first_seen", nullptr},
             {"last_seen", nullptr},
             {"hits", nullptr}};
    if (std::exchange(first, false)) {
      const auto at = report.listed.find(s.address);
      row["hits"] = at == report.listed.end() ? 0 : at->second.hits;
      if (at != report.listed.end() && at->second.last) row["last_seen"] = date(*at->second.last);
    }
    emit(row);
  };
  if (!s.tcp.empty()) add("tcp", ports(s.tcp));
  if (!s.udp.empty()) add("udp", ports(s.udp));
  if (s.echo) add("echo", "-");
  for (std::size_t n = 0; n < s.protocols.size(); ++n)
    if (s.protocols[n]) add("ip", fmt::format("{}", n));
}

const char* source_of(const FoundService& s) {
  if (s.prefixes != 0) return s.imported() ? "learned, imported" : "learned";
  return s.imported() ? "imported" : "by hand";
}

std::string evidence_of(const FoundService& s) {
  std::string out;
  if (s.prefixes != 0) out = fmt::format("answered {} networks", s.prefixes);
  if (s.imported())
    out += fmt::format("{}{} of {}", out.empty() ? "" : "; ", s.file, date(s.scanned));
  return out.empty() ? "-" : out;
}

const char* state_of(const Discovery::Found& f) {
  switch (f.service.state) {
    case FoundService::State::pinned:
      return f.in_force ? "pinned" : "not protected";
    case FoundService::State::refused:
      return "refused";
    case FoundService::State::normal:
      break;
  }
  return f.in_force ? "normal" : "not protected";
}

void list_found(const Discovery::Found& f, const Emit& emit) {
  emit({{"address", to_string(f.destination.address)},
        {"protocol", f.destination.protocol == protocol::kUdp ? "udp" : "tcp"},
        {"port", fmt::format("{}", f.destination.port)},
        {"source", source_of(f.service)},
        {"state", state_of(f)},
        {"evidence", evidence_of(f.service)},
        {"first_seen", date(f.service.first_seen)},
        {"last_seen", date(f.service.last_seen)},
        {"hits", f.service.hits}});
}

Destination destination_of(const Arguments& arguments) {
  Destination d = arguments.service("port");
  d.address = arguments.address("address");
  return d;
}

Json said(const Destination& d, const char* what) {
  return {{"address", to_string(d.address)},
          {"port", fmt::format("{}/{}", d.port, d.protocol == protocol::kUdp ? "udp" : "tcp")},
          {"state", what}};
}

}  // namespace

Json run_services(Box& box, const Json& given, const Emit& emit) {
  const Arguments arguments(given, {"source"});
  const std::string wanted = arguments.has("source") ? arguments.text("source") : "";
  if (!wanted.empty() && wanted != "static" && wanted != "learned" && wanted != "imported")
    throw ControlError(fmt::format("source: found '{}', expected static, learned or imported",
                                   policy_text::printable(wanted)));
  const auto rules = box.regime().ruleset();
  const Discovery::Report report = box.discovery().report();
  if (wanted.empty() || wanted == "static")
    for (const Service& s : rules->services()) list_static(s, report, emit);
  for (const Discovery::Found& f : report.found) {
    const auto row = rules->row_of(f.destination);
    // What the policy lists is the policy's.
    if (row && *row < rules->services().size()) continue;
    const bool fits = wanted.empty() || (wanted == "learned" && f.service.prefixes != 0) ||
                      (wanted == "imported" && f.service.imported());
    if (fits) list_found(f, emit);
  }
  return {{"candidates", report.candidates},
          {"no_room", report.dropped},
          {"learning_until", report.learning_until ? Json(date(*report.learning_until)) : Json()}};
}

Json run_pin(Box& box, const Json& given, const Emit& /*emit*/) {
  const Destination d = destination_of(Arguments(given, {"address", "port"}));
  box.discovery().pin(d);
  return said(d, "pinned");
}

Json run_refuse(Box& box, const Json& given, const Emit& /*emit*/) {
  const Destination d = destination_of(Arguments(given, {"address", "port"}));
  const auto rules = box.regime().ruleset();
  if (const auto row = rules->row_of(d); row && *row < rules->services().size())
    throw ControlError("the policy lists it; take it out of the policy first");
  box.discovery().refuse(d);
  return said(d, "refused");
}

Json run_forget(Box& box, const Json& given, const Emit& /*emit*/) {
  const Destination d = destination_of(Arguments(given, {"address", "port"}));
  box.discovery().forget(d);
  return said(d, "forgotten");
}

Json run_import_scan(Box& box, const Json& given, const Emit& /*emit*/) {
  const Arguments arguments(given, {"file"});
  const Discovery::Imported i = box.discovery().import(arguments.text("file"));
  return {{"scanned", date(i.scanned)}, {"open", i.open},
          {"added", i.done.added},      {"known", i.done.renewed},
          {"refused", i.done.refused},  {"not_protected", i.done.foreign},
          {"no_room", i.done.full}};
}

}  // namespace mitibox
