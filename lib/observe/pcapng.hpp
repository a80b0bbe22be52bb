// SPDX-License-Identifier: BSD-3-Clause
/// A capture file with a comment for each packet (draft-ietf-opsawg-pcapng).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"

namespace mitibox {

/// Ethernet, times in nanoseconds. rte_pcapng of DPDK 22.11 writes no comments, libpcap no pcapng.
class PcapngFile {
 public:
  struct Packet {
    std::uint32_t interface = 0;  ///< place in the list of interfaces
    std::uint64_t ns = 0;         ///< since 1970
    std::span<const std::uint8_t> bytes;
    std::uint32_t length = 0;  ///< of the whole frame
    bool outbound = false;     ///< it left by this interface
    std::string_view comment;
  };

  /// Creates the file: what is there already is refused, a link too, and only its owner may read
  /// it. Throws std::runtime_error naming it.
  PcapngFile(const std::string& path, std::span<const std::string_view> interfaces);

  /// Throws std::runtime_error when the disk takes no more.
  void write(const Packet& packet);
  [[nodiscard]] std::uint64_t size() const { return size_; }  ///< bytes

 private:
  void flush();
  void begin(std::uint32_t type);
  void put(const void* data, std::size_t size);
  void number(std::uint32_t value) { put(&value, sizeof value); }
  void option(std::uint16_t code, const void* data, std::size_t size);
  void end();

  std::string path_;
  File file_;
  std::vector<std::uint8_t> block_;  ///< what is not written yet
  std::size_t start_ = 0;            ///< of the last block in it
  std::uint64_t size_ = 0;
};

}  // namespace mitibox
