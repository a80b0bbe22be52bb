// SPDX-License-Identifier: BSD-3-Clause
/// The only way from bytes to headers: a bounds check stands before every header, always.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mitibox {

class Cursor {
 public:
  Cursor(std::uint8_t* begin, std::size_t length) : at_(begin), end_(begin + length) {}

  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  /// The header here, or nullptr when fewer bytes are left than it has; does not move.
  /// `Header` must have alignment 1 (all wire types have).
  template <typename Header>
  [[nodiscard]] Header* peek() const {
    static_assert(alignof(Header) == 1);
    return left() < sizeof(Header) ? nullptr : reinterpret_cast<Header*>(at_);
  }

  /// As peek(), and moves behind the header.
  template <typename Header>
  [[nodiscard]] Header* take() {
    Header* header = peek<Header>();
    if (header != nullptr) at_ += sizeof(Header);
    return header;
  }

  /// Moves on by `bytes`; false, without moving, when fewer are left.
  [[nodiscard]] bool skip(std::size_t bytes) {
    if (left() < bytes) return false;
    at_ += bytes;
    return true;
  }

 private:
  std::uint8_t* at_;
  std::uint8_t* end_;
};

}  // namespace mitibox
