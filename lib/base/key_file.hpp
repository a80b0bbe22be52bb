// SPDX-License-Identifier: BSD-3-Clause
/// A secret that outlives the process.
#pragma once

#include <filesystem>
#include <stdexcept>

#include "base/siphash.hpp"

namespace mitibox {

/// A key file that is of no use as it stands. What else keeps it from being read may pass.
class BadKey : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The key in `file`: 32 hexadecimal digits in a line, readable by its owner alone. Without the
/// file a random key is drawn and written there first, its folder made as needed; of several
/// processes that do so at once all get the same key. Throws std::runtime_error naming the file,
/// and what is wrong with it: BadKey when that is its owner, its mode or its content.
Key128 kept_key(const std::filesystem::path& file);

}  // namespace mitibox
