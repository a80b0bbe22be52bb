// SPDX-License-Identifier: BSD-3-Clause
/// What mitibox-replay can be asked to do. Each returns the exit status and throws
/// std::runtime_error (or PolicyError) with one line for the operator.
#pragma once

#include "options.hpp"

namespace mitibox::replay {

inline constexpr int kDone = 0;
inline constexpr int kCannot = 1;
inline constexpr int kUnbalanced = 3;

/// One policy, all captures as one.
int run_replay(const Options& options);

/// Prints a policy derived from the captures, or the candidates for one.
int run_derive(const Options& options);

/// For tests: each capture by itself, each of its first `options.each` responders protected in
/// turn (without responders: its first destinations; without IP: nobody in it). `options.policy` is
/// merged into each one's policy (RFC 7386), and the outputs get a number each. One JSON object a
/// line: {"begin"} before each run, {"capture", "protected", "report"} after it.
int run_each(const Options& options);

}  // namespace mitibox::replay
