// SPDX-License-Identifier: BSD-3-Clause
/// The content of the state file: named sections behind a header, and a checksum over all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "state/moment.hpp"

namespace mitibox {

using Bytes = std::vector<std::byte>;

struct Section {
  static constexpr std::size_t kLongestName = 23;

  std::string name;
  std::uint32_t version = 0;  ///< of the section's own layout
  Bytes bytes;

  friend bool operator==(const Section&, const Section&) = default;
};

struct Image {
  Moment saved;
  std::vector<Section> sections;

  /// nullptr: there is none.
  [[nodiscard]] const Section* find(std::string_view name) const;

  /// In this machine's byte order: state does not travel.
  [[nodiscard]] Bytes encode() const;

  struct Decoded;
  /// Believes nothing: whatever the bytes are, an image or what is wrong with them.
  static Decoded decode(std::span<const std::byte> file);
};

struct Image::Decoded {
  std::optional<Image> image;
  std::string wrong;  ///< empty with an image
};

}  // namespace mitibox
