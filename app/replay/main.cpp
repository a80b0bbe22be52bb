// SPDX-License-Identifier: BSD-3-Clause
/// mitibox-replay: captures through the chain, offline.
#include <cstdio>
#include <exception>

#include <fmt/format.h>

#include "commands.hpp"

namespace {

int run(int argc, char* argv[]) {
  using namespace mitibox::replay;
  const Options options = parse_options(argc, argv);
  switch (options.mode) {
    case Options::Mode::help:
      fmt::print("{}", help_text());
      return kDone;
    case Options::Mode::version:
      fmt::print("mitibox-replay {}\n", MITIBOX_VERSION);
      return kDone;
    case Options::Mode::derive:
      return run_derive(options);
    case Options::Mode::each:
      return run_each(options);
    case Options::Mode::replay:
      return run_replay(options);
  }
  return kCannot;
}

}  // namespace

int main(int argc, char* argv[]) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox-replay: {}\n", e.what());
    return mitibox::replay::kCannot;
  }
}
