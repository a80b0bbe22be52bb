// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <iostream>

#include "client.hpp"
#include "commands.hpp"
#include "render.hpp"
#include "watch.hpp"

namespace po = boost::program_options;

namespace mitibox::ctl {

namespace {

po::options_description description() {
  po::options_description d("Options");
  // clang-format off
  d.add_options()
    ("file-prefix", po::value<std::string>()->value_name("NAME")->default_value("mitibox"),
     "EAL's --file-prefix of the box to ask")
    ("socket", po::value<std::string>()->value_name("PATH"),
     "the box's socket (its --control), instead of /run/mitibox/<file prefix>.sock")
    ("json", "print JSON: a list as an array, everything else as an object")
    ("watch", "stats: what changes, and how fast, until interrupted")
    ("interval", po::value<double>()->value_name("S")->default_value(1, "1"),
     "stats --watch: seconds between two tables")
    ("count", po::value<unsigned>()->value_name("N")->default_value(0, "0"),
     "stats --watch: end after N tables (0: never)")
    ("commands", "print the commands, one a line, and exit")
    ("help", "print this and exit")
    ("version", "print the version and exit");
  // clang-format on
  return d;
}

std::string full(const Command& c) {
  return fmt::format("{}{}{}", c.word, c.pattern.empty() ? "" : " ", c.pattern);
}

void print_help() {
  fmt::print(
      "mitiboxctl [options] COMMAND ...\nAsks a running mitibox, and tells it what to do.\n\n");
  for (const Command& c : commands()) fmt::print("  {}\n      {}\n", full(c), c.help);
  std::cout << '\n' << description();
}

void print_list(Client& box, const Command& command, const Json& arguments, bool as_json) {
  bool first = true;
  Table table;
  const Json done = box.ask(std::string(command.word), arguments, [&](const Json& row) {
    if (as_json)
      fmt::print("{}\n{}", first ? "[" : ",", row.dump());
    else
      fmt::print("{}", table.add(row));
    first = false;
  });
  if (!as_json) {
    fmt::print("{}{}", table.finish(), render(done));
    return;
  }
  fmt::print("{}]\n", first ? "[" : "\n");
  std::fflush(stdout);
  if (done.value("more", false)) fmt::print(stderr, "mitiboxctl: there are more; see 'limit N'\n");
}

void carry_out(const po::variables_map& given, const Command& command,
               std::span<const std::string> words) {
  const Json arguments = make_arguments(command, words);
  const std::string path = given.count("socket") != 0
                               ? given["socket"].as<std::string>()
                               : "/run/mitibox/" + given["file-prefix"].as<std::string>() + ".sock";
  Client box(path);
  const bool as_json = given.count("json") != 0;
  if (given.count("watch") != 0) {
    if (command.word != "stats" || as_json)
      throw UsageError("--watch goes with stats, without --json");
    const double seconds = given["interval"].as<double>();
    if (!(seconds >= 0.1 && seconds <= 3600)) throw UsageError("--interval: expected 0.1 to 3600");
    watch(box, std::chrono::milliseconds(static_cast<int>(seconds * 1000)),
          given["count"].as<unsigned>());
  } else if (command.lists) {
    print_list(box, command, arguments, as_json);
  } else {
    const Json done = box.ask(std::string(command.word), arguments, [](const Json&) {});
    fmt::print("{}", as_json ? done.dump(2) + '\n' : render(done));
  }
}

int run(int argc, char** argv) {
  po::options_description hidden;
  hidden.add_options()("words", po::value<std::vector<std::string>>());
  po::options_description all;
  all.add(description()).add(hidden);
  po::positional_options_description positions;
  positions.add("words", -1);
  po::variables_map given;
  const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
  po::store(
      po::command_line_parser(argc, argv).options(all).positional(positions).style(style).run(),
      given);
  if (given.count("help") != 0) {
    print_help();
    return 0;
  }
  if (given.count("version") != 0) {
    fmt::print("mitiboxctl {}\n", MITIBOX_VERSION);
    return 0;
  }
  if (given.count("commands") != 0) {
    for (const Command& c : commands()) fmt::print("{}\n", full(c));
    return 0;
  }
  if (given.count("words") == 0) throw UsageError("a command is missing");
  const auto words = given["words"].as<std::vector<std::string>>();
  carry_out(given, find_command(words[0]), std::span(words).subspan(1));
  return 0;
}

}  // namespace

}  // namespace mitibox::ctl

int main(int argc, char* argv[]) {
  const auto usage = [](const std::exception& e) {
    fmt::print(stderr, "mitiboxctl: {}; try 'mitiboxctl --help'\n", e.what());
    return 2;
  };
  try {
    return mitibox::ctl::run(argc, argv);
  } catch (const po::error& e) {
    return usage(e);
  } catch (const mitibox::ctl::UsageError& e) {
    return usage(e);
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitiboxctl: {}\n", e.what());
  }
  return 1;
}
