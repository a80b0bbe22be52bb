// SPDX-License-Identifier: BSD-3-Clause
#include "reply/surface.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "client.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

Policy sparse_policy() {
  Policy p;
  p.reply.surface = Policy::Surface::sparse;
  p.reply.decoys = {{{22, 22}, {80, 89}}, 0.25, 0.01};
  Service web;
  web.address = parse_address("203.0.113.10").value();
  web.tcp = {{7000, 7000}};
  p.services = {web};
  p.reply.voices = {{{{9000, 9001}}, "hello", ""}};
  return p;
}

Destination at_port(const Address& address, std::uint16_t port) {
  return {address, port, protocol::kTcp};
}

Address address(bool v6, std::uint32_t n) {
  Address a = parse_address(v6 ? "2001:db8:1::" : "203.0.0.0").value();
  a.bytes[15] = static_cast<std::uint8_t>(n);
  a.bytes[14] = static_cast<std::uint8_t>(n >> 8U);
  return a;
}

/// Of `ports` at each of 4,000 addresses.
double share_of(const Surface& s, bool v6, const std::vector<std::uint16_t>& ports) {
  unsigned found = 0;
  for (std::uint32_t n = 0; n < 4000; ++n)
    for (const std::uint16_t port : ports)
      found += s.decoy(at_port(address(v6, n), port)) ? 1U : 0U;
  return found / (4000.0 * static_cast<double>(ports.size()));
}

}  // namespace

TEST_CASE("Decoys have their shares: usual ports, those of services and voices, others",
          "[surface]") {
  const bool v6 = GENERATE(false, true);
  const Surface s(sparse_policy(), {1, 2});
  CHECK(s.sparse());
  // Within five standard deviations.
  for (const int port : {22, 80, 89, 7000, 9001})
    CHECK(share_of(s, v6, {static_cast<std::uint16_t>(port)}) ==
          Approx(0.25).margin(5 * std::sqrt(0.1875 / 4000)));
  CHECK(share_of(s, v6, {21, 90, 443, 7001, 8999, 65535}) ==
        Approx(0.01).margin(5 * std::sqrt(0.0099 / 24000)));
}

TEST_CASE("A decoy depends on key, address, port and protocol", "[surface]") {
  const Policy p = sparse_policy();
  const Surface a(p, {1, 2});
  const Surface same(p, {1, 2});
  const Surface other(p, {1, 3});
  // Two independent draws of share 1/4 agree with 5/8.
  const auto agree = [](const auto& x, const auto& y) {
    unsigned n = 0;
    for (std::uint32_t i = 0; i < 4000; ++i) n += x(i) == y(i) ? 1U : 0U;
    return n / 4000.0;
  };
  const auto of = [](const Surface& s, std::uint16_t port, std::uint8_t protocol = protocol::kTcp) {
    return [&s, port, protocol](std::uint32_t i) {
      return s.decoy({address(false, i), port, protocol});
    };
  };
  const double margin = 5 * std::sqrt(15.0 / 64 / 4000);
  CHECK(agree(of(a, 22), of(same, 22)) == 1);
  CHECK(agree(of(a, 22), of(other, 22)) == Approx(0.625).margin(margin));
  CHECK(agree(of(a, 22), of(a, 80)) == Approx(0.625).margin(margin));
  CHECK(agree(of(a, 22), of(a, 22, protocol::kUdp)) == Approx(0.625).margin(margin));
}

TEST_CASE("An open surface is not sparse", "[surface]") {
  CHECK_FALSE(Surface(Policy{}, {1, 2}).sparse());
}

TEST_CASE("N-OUT-10: a closed port's answer to a SYN", "[surface]") {
  const bool v6 = GENERATE(false, true);
  const Bytes options = GENERATE(Bytes{}, Bytes{2, 4, 5, 180, 1, 3, 3, 7, 4, 2, 1, 1});
  talk::Box box;
  Probe p;
  if (v6) {
    p.source = "2001:db8:ffff::7";
    p.destination = "2001:db8:1::10";
  }
  p.sequence = 0xffffffff;
  p.tags = 1;
  p.options = options;
  const Frame syn(p);
  const Reply::Answer answer = box.reply.reset(syn.packet);
  CHECK(answer.reason == Reason::answered);
  const Seen seen(answer.frame);
  CHECK(seen.sound());
  CHECK(seen.flags() == 0x14);
  CHECK(seen.sequence() == 0);
  CHECK(seen.acknowledgement() == 0);
  CHECK(seen.window() == 0);
  CHECK(seen.u16(seen.l4 + 18) == 0);
  CHECK(seen.tcp_options().empty());
  CHECK(seen.u16(seen.l4) == 443);
  CHECK(seen.ttl() == 128);
  CHECK(seen.ip_length() <= syn.ip_length());
  CHECK(box.reply.counters().resets == 1);
  // Data of a SYN is acknowledged (RFC 9293 3.10.7.1).
  p.payload.assign(9, 1);
  CHECK(Seen(box.reply.reset(Frame(p).packet).frame).acknowledgement() == 9);
  p.source_mac.bytes[0] = 1;
  CHECK(box.reply.reset(Frame(p).packet).reason == Reason::reply_refused);
}

TEST_CASE("A reset needs a buffer", "[surface]") {
  rte_mempool* pool = small_pool(1);
  {
    talk::Box box(16, pool);
    rte_mbuf* only = rte_pktmbuf_alloc(pool);
    CHECK(box.reply.reset(Frame(Probe{}).packet).reason == Reason::reply_pool);
    CHECK(box.reply.counters().resets == 0);
    rte_pktmbuf_free(only);
  }
  rte_mempool_free(pool);
}
