// SPDX-License-Identifier: BSD-3-Clause
/// Virtual devices that come and go with a test.
#pragma once

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

namespace mitibox::test {

class Vdev {
 public:
  explicit Vdev(std::string name, const std::string& arguments = "") : name_(std::move(name)) {
    REQUIRE(rte_eal_hotplug_add("vdev", name_.c_str(), arguments.c_str()) == 0);
    REQUIRE(rte_eth_dev_get_port_by_name(name_.c_str(), &id_) == 0);
  }
  ~Vdev() { rte_eal_hotplug_remove("vdev", name_.c_str()); }
  Vdev(const Vdev&) = delete;
  Vdev& operator=(const Vdev&) = delete;

  [[nodiscard]] std::uint16_t id() const { return id_; }

 private:
  std::string name_;
  std::uint16_t id_ = 0;
};

/// Empty files for net_pcap.
class CaptureFiles {
 public:
  CaptureFiles() {
    std::filesystem::create_directory(directory_);
    std::ofstream(directory_ / "in", std::ios::binary)
        .write("\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0", 24);
  }
  ~CaptureFiles() { std::filesystem::remove_all(directory_); }
  CaptureFiles(const CaptureFiles&) = delete;
  CaptureFiles& operator=(const CaptureFiles&) = delete;

  /// Arguments for a device with so many of them.
  [[nodiscard]] std::string queue_pairs(int count) const {
    std::string arguments;
    for (int i = 0; i < count; ++i)
      arguments += (i == 0 ? "rx_pcap=" : ",rx_pcap=") + (directory_ / "in").string() +
                   ",tx_pcap=" + (directory_ / ("out" + std::to_string(i))).string();
    return arguments;
  }

 private:
  std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("mitibox-unit-" + std::to_string(getpid()));
};

}  // namespace mitibox::test
