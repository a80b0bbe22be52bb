// SPDX-License-Identifier: BSD-3-Clause
#include "base/eal.hpp"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

#include <fmt/format.h>

namespace mitibox {

void start_offline_eal(const std::string& name, std::size_t megabytes) {
  const unsigned core = static_cast<unsigned>(rte_lcore_id() == LCORE_ID_ANY ? 0U : rte_lcore_id());
  std::vector<std::string> words = {
      name,
      "--lcores",
      fmt::format("{}@(0-{})", core, sysconf(_SC_NPROCESSORS_CONF) - 1),
      "--no-huge",
      "-m",
      std::to_string(megabytes),
      "--no-pci",
      "--no-shconf",
      "--no-telemetry",
      "--file-prefix",
      fmt::format("{}-{}", name, getpid()),
      "--log-level",
      "critical"};
  std::vector<char*> arguments;
  arguments.reserve(words.size());
  for (std::string& w : words) arguments.push_back(w.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0)
    throw std::runtime_error(fmt::format("cannot start DPDK with {} MiB of ordinary memory: {}",
                                         megabytes, rte_strerror(rte_errno)));
}

void stop_offline_eal() {
  rte_eal_cleanup();
}

rte_mempool* make_pool(const std::string& name, unsigned count, std::uint16_t data_room,
                       int socket) {
  constexpr unsigned kCache = 256;
  rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), count, kCache, 0, data_room, socket);
  if (pool == nullptr)
    throw std::runtime_error(fmt::format("cannot allocate pool {}: {} buffers of {} bytes: {}",
                                         name, count, data_room, rte_strerror(rte_errno)));
  return pool;
}

}  // namespace mitibox
