// SPDX-License-Identifier: BSD-3-Clause
/// DPDK's environment without ports, huge pages or root: for offline use and for tests.
#pragma once

#include <cstddef>
#include <string>

struct rte_mempool;

namespace mitibox {

/// Starts EAL on one lcore with `megabytes` of ordinary memory, its own file prefix and no
/// devices. Throws std::runtime_error with EAL's reason.
void start_offline_eal(const std::string& name, std::size_t megabytes);
void stop_offline_eal();

/// A pool of `count` mbufs of `data_room` bytes (headroom included). Throws std::runtime_error
/// naming the pool and its size.
rte_mempool* make_pool(const std::string& name, unsigned count, std::uint16_t data_room,
                       int socket);

}  // namespace mitibox
