// SPDX-License-Identifier: BSD-3-Clause
/// Another policy for a running box.
#pragma once

#include <string>

#include "control/box.hpp"

namespace mitibox {

/// Reads a policy and puts it in force; empty: from the file of the one in force. Returns the file.
/// Both outcomes are events. Throws ControlError, one line that says what is wrong where; then
/// nothing has changed.
std::string reload(Box& box, std::string file);

}  // namespace mitibox
