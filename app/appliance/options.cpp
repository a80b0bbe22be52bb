// SPDX-License-Identifier: BSD-3-Clause
#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <iterator>
#include <sstream>

#include "base/secrets.hpp"

namespace po = boost::program_options;

namespace mitibox {

namespace {

po::options_description description() {
  po::options_description d("Options", 100);
  // clang-format off
  d.add_options()
    ("policy", po::value<std::string>()->value_name("FILE"),
     "what to protect and how (JSON; docs/configuration.md)")
    ("outside", po::value<std::string>()->value_name("PORT")->default_value("0"),
     "port towards the border router: number or device name")
    ("inside", po::value<std::string>()->value_name("PORT")->default_value("1"),
     "port towards the LAN: number or device name")
    ("stats-period", po::value<unsigned>()->value_name("S"),
     "print the table every S seconds (0: only at the end)")
    ("key", po::value<std::string>()->value_name("HEX128"),
     "fix the secret: 32 hexadecimal digits. Only for reproducible runs")
    ("state", po::value<std::string>()->value_name("DIR")->default_value("/var/lib/mitibox"),
     "where distrust, the keys and what was learnt are kept from one run to the next")
    ("control", po::value<std::string>()->value_name("PATH"),
     "the socket on which mitiboxctl asks (default: /run/mitibox/<EAL file prefix>.sock; none: nobody can)")
    ("fail", po::value<std::string>()->value_name("refuse|wire")->default_value("refuse"),
     "when the policy cannot be used at the start: end with its fault, or forward everything as a wire")
    ("until-idle", po::value<unsigned>()->value_name("MS"),
     "end when both ports have been silent for MS milliseconds (pcap devices)")
    ("mbufs", po::value<unsigned>()->value_name("N"),
     "receive buffers (default: what the queues need; pcap devices with infinite_rx take one a packet)")
    ("check", po::value<std::string>()->value_name("FILE"),
     "check a policy, print it with every default filled in, and exit")
    ("help", "print this and exit")
    ("version", "print the version and exit");
  // clang-format on
  return d;
}

Options read(const std::vector<std::string>& words) {
  po::variables_map given;
  try {
    // A prefix of an option's name is more often a slip than a wish.
    const int style =
        po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(words)
                  .options(description())
                  .positional(po::positional_options_description())
                  .style(style)
                  .run(),
              given);
  } catch (const po::error& e) {
    throw UsageError(e.what());
  }
  Options o;
  o.outside = given["outside"].as<std::string>();
  o.inside = given["inside"].as<std::string>();
  if (given.count("stats-period") != 0)
    o.stats_period = std::chrono::seconds(given["stats-period"].as<unsigned>());
  if (given.count("until-idle") != 0)
    o.until_idle = std::chrono::milliseconds(given["until-idle"].as<unsigned>());
  if (given.count("control") != 0) {
    o.control = given["control"].as<std::string>();
    if (o.control.empty()) throw UsageError("--control: found nothing, expected a path or 'none'");
  }
  const std::string fail = given["fail"].as<std::string>();
  if (fail != "refuse" && fail != "wire")
    throw UsageError(fmt::format("--fail: found '{}', expected refuse or wire", fail));
  o.fail_to_wire = fail == "wire";
  o.state = given["state"].as<std::string>();
  if (given.count("mbufs") != 0) o.mbufs = given["mbufs"].as<unsigned>();
  if (given.count("key") != 0) {
    o.key = parse_key(given["key"].as<std::string>());
    if (!o.key)
      throw UsageError(fmt::format("--key: found '{}', expected 32 hexadecimal digits",
                                   given["key"].as<std::string>()));
  }
  if (given.count("policy") != 0) o.policy = given["policy"].as<std::string>();
  if (given.count("help") != 0) {
    o.action = Options::Action::help;
  } else if (given.count("version") != 0) {
    o.action = Options::Action::version;
  } else if (given.count("check") != 0) {
    o.action = Options::Action::check;
    o.policy = given["check"].as<std::string>();
  } else if (o.policy.empty()) {
    throw UsageError("--policy FILE is missing");
  }
  return o;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  const std::vector<std::string> words(argv, std::next(argv, argc));
  const auto split = std::find(words.begin(), words.end(), "--");
  CommandLine line;
  line.eal.assign(words.begin(), split);
  if (split != words.end()) {
    line.options = read({std::next(split), words.end()});
    return line;
  }
  const std::vector<std::string> all(std::next(words.begin()), words.end());
  const auto asks = [](const std::string& w) {
    return w == "--help" || w == "-h" || w == "--version" || w == "--check" ||
           w.rfind("--check=", 0) == 0;
  };
  if (std::none_of(all.begin(), all.end(), asks))
    throw UsageError("no '--' between EAL's options and MitiBox's");
  if (std::find(all.begin(), all.end(), "-h") != all.end()) {
    line.options.action = Options::Action::help;
    return line;
  }
  line.options = read(all);
  return line;
}

std::string usage() {
  std::ostringstream out;
  out << "mitibox [EAL options] -- --policy FILE [options]\n"
         "mitibox --check FILE | --help | --version\n\n"
         "A bump in the wire between a border router and a LAN that makes network scans "
         "worthless.\n"
         "EAL options choose cores, memory and devices, e.g.\n"
         "  -l 0,1 -a 0000:01:00.0 -a 0000:01:00.1\n"
         "  -l 0 --no-huge --no-pci --vdev net_af_packet0,iface=eth1 --vdev "
         "net_af_packet1,iface=eth2\n"
         "The first core controls and sleeps, each further one forwards with a queue pair of its "
         "own on both ports; a single core does both.\n\n"
      << description();
  return out.str();
}

}  // namespace mitibox
