// SPDX-License-Identifier: BSD-3-Clause
/// The live page: the files of this folder, as they are.
#pragma once

#include <span>

#include "control/http_pages.hpp"

namespace mitibox {

std::span<const StaticFile> page_files();

}  // namespace mitibox
