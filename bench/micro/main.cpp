// SPDX-License-Identifier: BSD-3-Clause
// Catch2's benchmark options apply: --list-tests, --benchmark-samples N.
#define CATCH_CONFIG_RUNNER
#include "micro.hpp"

#include "base/eal.hpp"

int main(int argc, char* argv[]) {
  mitibox::start_offline_eal("mitibox-micro", 1024);
  const int failed = Catch::Session().run(argc, argv);
  mitibox::stop_offline_eal();
  return failed;
}
