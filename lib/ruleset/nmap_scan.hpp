// SPDX-License-Identifier: BSD-3-Clause
/// What a scan from inside found open, as nmap (and masscan) write it with -oX.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "packet/address.hpp"
#include "ruleset/registry.hpp"

namespace mitibox {

/// A scan that cannot be used. what() is one line for the operator: the file, what was found, what
/// was expected.
class ScanError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct NmapScan {
  static constexpr std::size_t kMostBytes = std::size_t{32} << 20U;
  static constexpr std::size_t kMostDepth = 64;  ///< of elements; nmap's own are 7 deep

  Date start{};
  std::vector<Destination> open;  ///< TCP and UDP: "open", not "open|filtered"; each once, sorted
};

/// Believes nothing. `name` stands in messages as the file's name. Throws ScanError.
NmapScan parse_nmap_scan(std::string_view xml, std::string_view name);
/// As parse_nmap_scan, from a regular file; never waits for one.
NmapScan read_nmap_scan(const std::filesystem::path& file);

}  // namespace mitibox
