// SPDX-License-Identifier: BSD-3-Clause
/// The key `reply.voices`.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.hpp"
#include "policy/value.hpp"

namespace mitibox {

/// For sections.cpp: as Key::read and Key::list.
void read_voices(const Value& list, Policy& policy);
void list_voice_keys(const std::string& prefix, std::vector<std::string>& keys);

/// Refuses a port with two voices, more text than Voice::kMost, and whatever would make a client
/// believe that it was served: what it sends is lost, so it must not be told that it was taken.
/// Throws PolicyError.
void check_voices(const Policy& policy, const Value& document);

/// Whether a mail sender may meet this voice.
bool speaks_smtp(const Voice& voice);

}  // namespace mitibox
