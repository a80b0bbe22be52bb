// SPDX-License-Identifier: BSD-3-Clause
/// Captures as a stream of frames in time order.
#pragma once

#include <pcap/pcap.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mitibox::replay {

/// Since 1970-01-01 UTC, never negative.
using Stamp = std::chrono::nanoseconds;

struct CapturedFrame {
  std::span<const std::uint8_t> bytes;  ///< valid until the next call of next()
  std::size_t wire_length = 0;          ///< >= bytes.size(); greater when the capture cut it
  Stamp stamp{};                        ///< never before the frame that came ahead of it
  bool backwards = false;               ///< the file gave it an earlier time
};

/// One pcap or pcapng file of Ethernet frames.
class Capture {
 public:
  /// Throws std::runtime_error naming the file, and the link type where that is the reason.
  explicit Capture(const std::string& file);

  /// The next frame; nothing at the end, or where the file breaks off (then see error()).
  std::optional<CapturedFrame> next();

  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  /// Why reading stopped before the end; empty when it did not.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Close {
    void operator()(pcap_t* p) const { pcap_close(p); }
  };
  std::string file_;
  std::unique_ptr<pcap_t, Close> pcap_;
  Stamp last_{};
  std::uint64_t frames_ = 0;
  std::string error_;
};

/// Several captures as one, by time; frames of equal time in the order of the files.
class Merge {
 public:
  /// Throws as Capture does.
  explicit Merge(const std::vector<std::string>& files);

  std::optional<CapturedFrame> next();
  [[nodiscard]] const std::vector<Capture>& captures() const { return captures_; }

 private:
  std::vector<Capture> captures_;
  std::vector<std::optional<CapturedFrame>> heads_;
  std::optional<std::size_t> taken_;  ///< whose head was handed out last
};

}  // namespace mitibox::replay
