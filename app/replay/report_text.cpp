// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <iterator>

#include "report.hpp"

namespace mitibox::replay {

namespace {

using Json = nlohmann::ordered_json;
using Text = std::back_insert_iterator<std::string>;

std::uint64_t number(const Json& value) {
  return value.get<std::uint64_t>();
}

std::string_view text(const Json& value) {
  return value.get_ref<const std::string&>();
}

void captures(Text out, const Json& report) {
  for (const Json& file : report["captures"]) {
    fmt::format_to(out, "{}: {} frames\n", text(file["file"]), number(file["frames"]));
    if (file.contains("error"))
      fmt::format_to(out, "  breaks off there: {}\n", text(file["error"]));
  }
  const Json& intake = report["intake"];
  fmt::format_to(out, "{} frames in {:.3f} s", number(intake["frames"]),
                 intake["seconds"].get<double>());
  const auto note = [&](const char* key, std::string_view what) {
    if (number(intake[key]) > 0) fmt::format_to(out, "; {} {}", number(intake[key]), what);
  };
  note("withheld", "withheld (answers of hosts that the box would not have let be asked)");
  note("cut", "cut short by the capture");
  note("backwards", "older than the one before");
  note("rewritten", "acknowledgements rewritten to forged sequence numbers");
  fmt::format_to(out, "\nkey {}{}\n", text(report["key"]),
                 report["key_given"].get<bool>() ? "" : " (random; repeat with --key)");
}

void ports(Text out, const Json& report) {
  fmt::format_to(out, "\n{:<26}{:>12}{:>12}\n", "FRAMES", "outside", "inside");
  const auto line = [&](const char* what, const char* key) {
    const Json& sides = report[key];
    fmt::format_to(out, "{:<26}{:>12}{:>12}\n", what, number(sides["outside"]),
                   number(sides["inside"]));
  };
  line("received from", "received");
  line("passed on to", "forwarded");
  line("made by the box, sent to", "made");
  const Json& classes = report["classes"];
  fmt::format_to(out,
                 "of those received: {} inbound, {} outbound, {} neighbour discovery, "
                 "{} passed untouched\n",
                 number(classes["inbound"]), number(classes["outbound"]),
                 number(classes["neighbour"]), number(classes["pass"]));
}

void ends(Text out, const Json& report) {
  if (report["ended"].empty()) {
    fmt::format_to(out, "\nNothing ended in the box.\n");
    return;
  }
  fmt::format_to(out, "\n{:<24}{:>10}{:>12}   {}\n", "ENDED IN THE BOX", "frames", "consequence",
                 "why");
  for (const Json& end : report["ended"])
    fmt::format_to(out, "{:<24}{:>10}{:>12}   {}{}\n", text(end["reason"]), number(end["frames"]),
                   number(end["consequence"]), text(end["cause"]),
                   text(end["kind"]) == "consume" ? " (not a loss)" : "");
  fmt::format_to(out,
                 "consequence: frames of a flow whose opening the box had not let through. Live,\n"
                 "most of them would not exist: the host would never have been asked.\n");
}

void attempts(Text out, const Json& report) {
  const Json& a = report["attempts"];
  fmt::format_to(out,
                 "\nATTEMPTS from outside: {}\n"
                 "  {:>10}  reached their host at once\n"
                 "  {:>10}  lost their first packet to the coin; a genuine client repeats it about "
                 "1 s later\n"
                 "  {:>10}    of these, repeated in the capture and then let on\n"
                 "  {:>10}  diverted to forged answers or silence\n"
                 "  {:>10}  refused for another reason (above)\n",
                 number(a["total"]), number(a["passed"]), number(a["delayed"]),
                 number(a["repeated"]), number(a["diverted"]), number(a["refused"]));
}

void sources(Text out, const Json& report) {
  if (report["sources"].empty()) return;
  fmt::format_to(
      out, "\n{:<28}{:>9}{:>10}{:>9}{:>9}{:>8}  {}\n",
      fmt::format("SOURCES, {} of {}", report["sources"].size(), number(report["sources_seen"])),
      "attempts", "delayed", "dropped", "forged", "frames", "level at the end");
  for (const Json& s : report["sources"])
    fmt::format_to(out, "{:<28}{:>9}{:>10}{:>9}{:>9}{:>8}  {}{}\n", text(s["source"]),
                   number(s["attempts"]), number(s["delayed"]), number(s["dropped"]),
                   number(s["forged"]), number(s["frames"]), text(s["level"]),
                   s["proven"].get<bool>() ? ", proven" : "");
}

void tables(Text out, const Json& report) {
  fmt::format_to(out, "\nTABLES at the end:");
  const char* separator = " ";
  for (const auto& [name, table] : report["tables"].items()) {
    fmt::format_to(out, "{}{} {} of {}", separator, name, number(table["used"]),
                   number(table["size"]));
    separator = ", ";
  }
  const Json& a = report["accounting"];
  fmt::format_to(out, "\nACCOUNTING {}: {} received = {} passed on + {} refused + {} ended",
                 a["exact"].get<bool>() ? "exact" : "WRONG", number(a["received"]),
                 number(a["forwarded"]), number(a["refused"]), number(a["ended"]));
  if (number(a["lost"]) > 0) fmt::format_to(out, "; {} buffers lost", number(a["lost"]));
  fmt::format_to(out, "\n");
}

}  // namespace

std::string as_text(const Json& report) {
  std::string result;
  const Text out = std::back_inserter(result);
  captures(out, report);
  ports(out, report);
  ends(out, report);
  attempts(out, report);
  sources(out, report);
  tables(out, report);
  return result;
}

}  // namespace mitibox::replay
