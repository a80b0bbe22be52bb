// SPDX-License-Identifier: BSD-3-Clause
// What a connection takes, from what is really allocated.
#include <rte_lcore.h>
#include <rte_malloc.h>

#include <catch2/catch.hpp>
#include <string>

#include "packet/packet.hpp"
#include "tracker/connection_table.hpp"

using namespace mitibox;

namespace {

std::size_t allocated() {
  rte_malloc_socket_stats s{};
  rte_malloc_get_socket_stats(static_cast<int>(rte_socket_id()), &s);
  return s.heap_allocsz_bytes;
}

}  // namespace

TEST_CASE("tracker: memory of a connection", "[tracker][memory]") {
  const bool v6 = GENERATE(false, true);
  const std::uint32_t key_size = v6 ? kKeySizeV6 : kKeySizeV4;
  // The worst sizes for whatever rounds to powers of two among them.
  const std::uint32_t capacity = GENERATE(64U, 1000U, 131'073U, 1U << 18U, 300'001U);
  const std::size_t before = allocated();
  const ConnectionTable table("memory", key_size, {capacity, 1, 1}, {1, 2});
  const std::size_t real = allocated() - before;
  const std::size_t stated = ConnectionTable::memory_bytes(key_size, capacity);
  CAPTURE(key_size, capacity, real, stated);
  CHECK(stated >= real);
  CHECK(static_cast<double>(stated) <= 1.03 * static_cast<double>(real));
  if (capacity > 100'000) CHECK(real <= std::size_t{capacity} * (v6 ? 144 : 128));
}
