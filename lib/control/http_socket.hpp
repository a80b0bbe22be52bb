// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "base/file.hpp"
#include "policy/policy.hpp"

namespace mitibox {

/// A socket that listens there and never blocks; negative, and errno says why, when there is none.
File http_listener(const SocketAddress& at);

/// Host byte order.
std::uint16_t bound_port(const File& socket);

}  // namespace mitibox
