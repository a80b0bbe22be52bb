// SPDX-License-Identifier: BSD-3-Clause
#include "options.hpp"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <sstream>

#include "base/secrets.hpp"

namespace mitibox::replay {

namespace {

namespace po = boost::program_options;

constexpr std::string_view kUsage =
    "mitibox-replay --policy FILE [options] CAPTURE...\n"
    "mitibox-replay --derive [ADDRESS|list] CAPTURE...\n\n"
    "Sends captures through the same chain as mitibox, offline, and reports what would have been\n"
    "dropped, answered in the name of others, or passed. Several captures are merged by time.\n\n";

constexpr std::string_view kExits =
    "\nExit status: 0 done, 1 cannot (message on standard error), 3 the accounts do not balance "
    "(a defect).\n";

po::options_description visible() {
  po::options_description all("Options", 100);
  auto add = all.add_options();
  add("policy", po::value<std::string>()->value_name("FILE"), "the policy to try (JSON)");
  add("protected-side", po::value<std::vector<std::string>>()->value_name("auto|PREFIX"),
      "addresses on the inside port; repeatable; auto: what the policy protects");
  add("key", po::value<std::string>()->value_name("HEX128"),
      "32 hexadecimal digits: one key and one capture give the same frames; default: random");
  add("out", po::value<std::string>()->value_name("FILE"),
      "write every frame that the box sends, with the capture's times (pcap, nanoseconds)");
  add("out-outside", po::value<std::string>()->value_name("FILE"), "only those sent to outside");
  add("out-inside", po::value<std::string>()->value_name("FILE"), "only those sent to inside");
  add("report", po::value<std::string>()->value_name("text|json"), "form of the report");
  add("top", po::value<std::size_t>()->value_name("N"), "sources in the report (10)");
  add("derive", po::value<std::string>()->implicit_value("")->value_name("[ADDRESS|list]"),
      "print a starter policy for everyone who answers in the captures (with --protected-side: "
      "for that prefix), for ADDRESS alone, or list who answers");
  add("help", "this text");
  add("version", "print the version");
  return all;
}

/// --derive takes its optional value as the next word too, when that cannot be a file.
std::vector<std::string> words(int argc, char* argv[]) {
  std::vector<std::string> out;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool value = word == "list" || parse_address(word).has_value();
    if (!out.empty() && out.back() == "--derive" && value)
      out.back() += "=" + word;
    else
      out.push_back(word);
  }
  return out;
}

po::variables_map read(int argc, char* argv[]) {
  po::options_description all = visible();
  auto add = all.add_options();
  add("each", po::value<std::size_t>());
  add("capture", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("capture", -1);
  po::variables_map given;
  try {
    po::command_line_parser parser(words(argc, argv));
    namespace style = po::command_line_style;
    parser.style(style::unix_style & ~style::allow_guessing);
    po::store(parser.options(all).positional(positional).run(), given);
    po::notify(given);
  } catch (const po::error& e) {
    throw UsageError(e.what());
  }
  return given;
}

template <typename T>
T get(const po::variables_map& given, const char* name, T otherwise = {}) {
  return given.count(name) != 0 ? given[name].as<T>() : otherwise;
}

std::vector<Prefix> inside_of(const po::variables_map& given) {
  std::vector<Prefix> prefixes;
  for (const auto& text : get<std::vector<std::string>>(given, "protected-side")) {
    if (text == "auto") continue;
    const auto prefix = parse_prefix(text);
    if (!prefix)
      throw UsageError(fmt::format(
          "--protected-side: found \"{}\"; expected auto or a prefix without host bits, such as "
          "192.0.2.0/24",
          text));
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

void check(const Options& options) {
  if (options.captures.empty()) throw UsageError("no capture given; see --help");
  if (options.mode == Options::Mode::replay && options.policy.empty())
    throw UsageError("--policy FILE is missing; --derive prints one to start from");
  if (options.mode == Options::Mode::derive && !options.derive.empty() &&
      options.derive != "list" && !parse_address(options.derive))
    throw UsageError(
        fmt::format("--derive: found \"{}\"; expected an address or list", options.derive));
}

}  // namespace

Options parse_options(int argc, char* argv[]) {
  const po::variables_map given = read(argc, argv);
  Options o;
  if (given.count("help") != 0 || given.count("version") != 0) {
    o.mode = given.count("help") != 0 ? Options::Mode::help : Options::Mode::version;
    return o;
  }
  if (given.count("derive") != 0) o.mode = Options::Mode::derive;
  if (given.count("each") != 0) o.mode = Options::Mode::each;
  o.policy = get<std::string>(given, "policy");
  o.inside = inside_of(given);
  o.captures = get<std::vector<std::string>>(given, "capture");
  o.out = get<std::string>(given, "out");
  o.out_outside = get<std::string>(given, "out-outside");
  o.out_inside = get<std::string>(given, "out-inside");
  o.top = get<std::size_t>(given, "top", o.top);
  o.derive = get<std::string>(given, "derive");
  o.each = get<std::size_t>(given, "each");
  const auto report = get<std::string>(given, "report", "text");
  if (report != "text" && report != "json")
    throw UsageError(fmt::format("--report: found \"{}\"; expected text or json", report));
  o.json = report == "json";
  if (given.count("key") != 0) {
    o.key = parse_key(given["key"].as<std::string>());
    if (!o.key) throw UsageError("--key: expected exactly 32 hexadecimal digits");
  }
  check(o);
  return o;
}

std::string help_text() {
  std::ostringstream out;
  out << kUsage << visible() << kExits;
  return out.str();
}

}  // namespace mitibox::replay
