// SPDX-License-Identifier: BSD-3-Clause
/// Both ports of the box, offline: captures on disk.
#pragma once

#include <pcap/pcap.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "capture.hpp"
#include "frame_view.hpp"
#include "port/transmit.hpp"

struct rte_mempool;

namespace mitibox::replay {

/// A pcap file of Ethernet frames with nanoseconds. Equal frames and stamps give equal bytes.
class CaptureWriter {
 public:
  /// Throws std::runtime_error naming the file.
  explicit CaptureWriter(const std::string& file);

  void write(std::span<const std::uint8_t> frame, Stamp stamp);
  /// Throws std::runtime_error when not everything could be written.
  void close();

 private:
  struct Close {
    void operator()(pcap_t* p) const { pcap_close(p); }
  };
  struct CloseDump {
    void operator()(pcap_dumper_t* p) const { pcap_dump_close(p); }
  };
  std::string file_;
  std::unique_ptr<pcap_t, Close> pcap_;
  std::unique_ptr<pcap_dumper_t, CloseDump> dumper_;
};

/// Takes every frame at once. Which of them the box made is told by the pool they come from.
class OfflineWire final : public Wire {
 public:
  using Observer = std::function<void(const FrameView&)>;

  /// `made`: the pool of the box's own frames. `observer` sees those that leave by outside.
  OfflineWire(const rte_mempool* made, Observer observer)
      : made_pool_(made), observer_(std::move(observer)) {}

  /// From now on also writes what leaves by these ports.
  void record(const std::string& file, bool outside, bool inside);

  std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override;

  void set_time(Stamp stamp) { stamp_ = stamp; }
  void close();

  /// Frames sent, by side: of those received, and of the box's own.
  [[nodiscard]] std::uint64_t forwarded(Side to) const { return forwarded_[index(to)]; }
  [[nodiscard]] std::uint64_t made(Side to) const { return made_[index(to)]; }

 private:
  struct Sink {
    CaptureWriter writer;
    std::array<bool, kSides> takes;
  };
  const rte_mempool* made_pool_;
  Observer observer_;
  Stamp stamp_{};
  std::vector<Sink> sinks_;
  std::vector<std::uint8_t> copy_;  ///< of a frame in several segments
  std::array<std::uint64_t, kSides> forwarded_{};
  std::array<std::uint64_t, kSides> made_{};
};

}  // namespace mitibox::replay
