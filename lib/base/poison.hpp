// SPDX-License-Identifier: BSD-3-Clause
/// AddressSanitizer does not know where a frame ends in its buffer. In sanitizer builds the bytes
/// around a frame are forbidden while the chain holds it; elsewhere these functions do nothing.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MITIBOX_POISON 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define MITIBOX_POISON 1
#endif

#ifdef MITIBOX_POISON
#include <sanitizer/asan_interface.h>
#endif

namespace mitibox {

#ifdef MITIBOX_POISON
inline constexpr bool kPoisons = true;

/// Forbids the headroom and everything behind the data, in each segment. Call when the data is in
/// place and its length set.
inline void poison_frame(rte_mbuf* frame) {
  for (rte_mbuf* segment = frame; segment != nullptr; segment = segment->next) {
    auto* begin = static_cast<std::uint8_t*>(segment->buf_addr);
    const std::size_t end = std::size_t{segment->data_off} + segment->data_len;
    __asan_poison_memory_region(begin, segment->data_off);
    __asan_poison_memory_region(begin + end, segment->buf_len - end);
  }
}

/// Allows the whole buffer again: before a frame is freed, resized, or handed to a port.
inline void unpoison_frame(rte_mbuf* frame) {
  for (rte_mbuf* segment = frame; segment != nullptr; segment = segment->next)
    __asan_unpoison_memory_region(segment->buf_addr, segment->buf_len);
}
#else
inline constexpr bool kPoisons = false;
inline void poison_frame(rte_mbuf* /*frame*/) {}
inline void unpoison_frame(rte_mbuf* /*frame*/) {}
#endif

}  // namespace mitibox
