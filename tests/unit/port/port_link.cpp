// SPDX-License-Identifier: BSD-3-Clause
#include "port/port_link.hpp"

#include "vdev.hpp"

using namespace mitibox;
using namespace mitibox::test;

TEST_CASE("link: a driver that can is told", "[port][link]") {
  const Vdev ring("net_ring0");
  const auto link = link_of(ring.id());
  CHECK(link->set(true).empty());
  CHECK(link->up());
  CHECK(link->set(false).empty());
  CHECK_FALSE(link->up());
  CHECK(link->set(true).empty());
  CHECK(link->up());
}

TEST_CASE("link: a driver that cannot says so", "[port][link]") {
  const Vdev null("net_null0");
  CHECK(link_of(null.id())->set(false) == "its driver does not do that");
}

TEST_CASE("link: an interface of the kernel is looked at", "[port][link]") {
  // The loopback of this namespace: looked at, never cut.
  const Vdev pcap("net_pcap0", "iface=lo");
  const auto link = link_of(pcap.id());
  if (!link->up()) return;  // a namespace without loopback
  CHECK(link->set(true).empty());
  CHECK(link->up());
}
