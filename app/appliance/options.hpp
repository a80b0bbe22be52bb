// SPDX-License-Identifier: BSD-3-Clause
/// The appliance's own command line: what stands behind "--".
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/siphash.hpp"

namespace mitibox {

struct Options {
  enum class Action { run, help, version, check };
  Action action = Action::run;
  std::string policy;         ///< file; of --check too
  std::string outside = "0";  ///< port number or device name
  std::string inside = "1";
  std::chrono::seconds stats_period{0};  ///< 0: only the final table
  std::optional<Key128> key;             ///< none: drawn at random
  std::string control;                   ///< socket; empty: the usual place; "none": none
  bool fail_to_wire = false;  ///< forwards everything when there is no usable policy at the start
  std::string state;          ///< folder of what outlives the machine's boot
  std::chrono::milliseconds until_idle{0};  ///< 0: run until told to stop
  unsigned mbufs = 0;                       ///< receive buffers; 0: computed
};

/// A command line that cannot be used; what() says which word and what was expected.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct CommandLine {
  std::vector<std::string> eal;  ///< with the program's name first
  Options options;
};

/// Splits at "--" and reads what is behind it. --help, --version and --check are found without a
/// "--" too. Throws UsageError.
CommandLine parse_command_line(int argc, const char* const* argv);

std::string usage();

}  // namespace mitibox
