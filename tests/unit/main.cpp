// SPDX-License-Identifier: BSD-3-Clause
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "base/eal.hpp"

int main(int argc, char* argv[]) {
  mitibox::start_offline_eal("mitibox-unit", 512);
  const int failed = Catch::Session().run(argc, argv);
  mitibox::stop_offline_eal();
  return failed;
}
