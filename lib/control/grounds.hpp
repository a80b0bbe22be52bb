// SPDX-License-Identifier: BSD-3-Clause
/// What weighs on a source, for explain.
#pragma once

#include "control/command.hpp"
#include "packet/address.hpp"

namespace mitibox {

/// A row for each kind of evidence against the source or a prefix of it, the source's own first:
/// what is distrusted, how far and until when, and for a prefix how many of its members are proven.
/// Empty for whom nothing is known. Throws ControlError as Box::ask.
Json grounds_of(Box& box, const Address& source);

}  // namespace mitibox
