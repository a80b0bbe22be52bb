// SPDX-License-Identifier: BSD-3-Clause
/// A secret that outlives the process.
#pragma once

#include <filesystem>

#include "base/siphash.hpp"

namespace mitibox {

/// The key in `file`: 32 hexadecimal digits in a line, readable by its owner alone. Without the
/// file a random key is drawn and written there first, its folder made as needed; of several
/// processes that do so at once all get the same key. Throws std::runtime_error naming the file,
/// and what is wrong with it.
Key128 kept_key(const std::filesystem::path& file);

}  // namespace mitibox
