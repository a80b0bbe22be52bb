// SPDX-License-Identifier: BSD-3-Clause
/// Bytes -> JSON, strictly: what nlohmann would let pass or silently repair is refused here.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace mitibox {

inline constexpr std::size_t kMaxPolicyBytes = std::size_t{4} << 20U;
inline constexpr std::size_t kMaxPolicyDepth = 16;

/// Throws PolicyError: more than kMaxPolicyBytes, nested deeper than kMaxPolicyDepth, not JSON
/// (RFC 8259; with line and column), a zero byte (nlohmann takes it for the end), a key twice in
/// one object (nlohmann keeps the last).
nlohmann::json read_document(std::string_view bytes, std::string_view name);

}  // namespace mitibox
