// SPDX-License-Identifier: BSD-3-Clause
#include "packet/checksum.hpp"

#include "../micro.hpp"

using namespace mitibox;

TEST_CASE("Checksum") {
  std::vector<std::uint8_t> bytes(1460);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(31 * i + 7);
  for (std::size_t length : {20U, 40U, 1460U})
    BENCHMARK("of " + std::to_string(length) + " bytes") {
      Catch::Benchmark::keep_memory(bytes.data());
      Catch::Benchmark::keep_memory(&length);
      return fold(sum_bytes(bytes.data(), length));
    };
}
