// SPDX-License-Identifier: BSD-3-Clause
/// Files that are there as a whole, or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace mitibox {

/// Puts `bytes` in the place of `file`, mode 0600, and returns when the disk has them: whoever
/// opens it finds the old content or the new, whatever happens meanwhile. Throws
/// std::runtime_error naming the file and the reason; then the old content stays.
void replace_file(const std::filesystem::path& file, std::span<const std::byte> bytes);

}  // namespace mitibox
