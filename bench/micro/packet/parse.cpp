// SPDX-License-Identifier: BSD-3-Clause
#include "packet/parse.hpp"

#include "../micro.hpp"

using namespace mitibox;
using namespace mitibox::bench;

TEST_CASE("Parse") {
  for (const Family family : {Family::v4, Family::v6}) {
    std::vector<Packet> packets = syns(kBurst, family);
    const std::string name = family == Family::v4 ? "IPv4" : "IPv6";
    BENCHMARK(name + " frame x32") {
      for (Packet& p : packets) {
        rte_mbuf* const frame = p.frame;
        p = Packet{};
        p.frame = frame;
        if (parse_frame(p)) p.drop(Reason::frame_truncated);
      }
      Catch::Benchmark::keep_memory(packets.data());
    };
    for (Packet& p : packets) p.protocol = protocol::kTcp;
    BENCHMARK(name + " flow key x32") {
      for (Packet& p : packets) set_flow_key(p, Side::outside);
      Catch::Benchmark::keep_memory(packets.data());
    };
  }
}
