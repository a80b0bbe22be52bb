// SPDX-License-Identifier: BSD-3-Clause
/// The command line of mitibox-replay.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/siphash.hpp"
#include "packet/address.hpp"

namespace mitibox::replay {

/// One line for the operator.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Options {
  enum class Mode { help, version, replay, derive, each };
  Mode mode = Mode::replay;
  std::string policy;
  std::vector<Prefix> inside;  ///< empty: what the policy protects
  std::optional<Key128> key;
  std::vector<std::string> captures;
  std::string out, out_outside, out_inside;
  bool json = false;
  std::size_t top = 10;
  std::string derive;    ///< "": all responders; "list"; or an address
  std::size_t each = 0;  ///< responders a capture
};

/// Throws UsageError.
Options parse_options(int argc, char* argv[]);
std::string help_text();

}  // namespace mitibox::replay
