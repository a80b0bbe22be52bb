// SPDX-License-Identifier: BSD-3-Clause
/// Virtual devices that come and go with a test.
#pragma once

#include <rte_dev.h>
#include <rte_ethdev.h>

#include <catch2/catch.hpp>
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

}  // namespace mitibox::test
