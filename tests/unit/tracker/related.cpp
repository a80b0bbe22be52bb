// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors, by the packet they quote.
#include <array>
#include <catch2/catch.hpp>

#include "segments.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

const std::vector<std::uint8_t> kUdp{0x9c, 0x40, 0x01, 0xbb, 0, 8, 0, 0};      // 40000 > 443
const std::vector<std::uint8_t> kUdpBack{0x01, 0xbb, 0x9c, 0x40, 0, 8, 0, 0};  // 443 > 40000

/// Data of the host, one window of it under way.
const Segment kInFlight{.from = In, .sequence = 5001, .acknowledgement = 1001, .length = 1000};

}  // namespace

TEST_CASE("related: path MTU errors come from any router, however short", "[tracker][related]") {
  Bench b;
  b.flow.v6 = GENERATE(false, true);
  b.establish(Out);
  REQUIRE(b.send(kInFlight) == "forward");
  const std::uint8_t type = b.flow.v6 ? icmp6::kPacketTooBig : icmp4::kUnreachable;
  for (const std::size_t bytes : {8U, 20U, 24U}) {
    for (const std::uint32_t router : {7U, 99U, 12345U}) {
      const Error e{.type = type, .router = router, .quote_bytes = bytes};
      CHECK(b.error(e, kInFlight) == "forward");
    }
  }
  CHECK(b.error({.type = type, .quote_bytes = 7}, kInFlight) == "icmp-header");
  CHECK(b.error({.type = type, .quote_bytes = 0}, kInFlight) == "icmp-header");
  CHECK(b.error({.type = type, .to_other = true}, kInFlight) == "icmp-unrelated");
}

TEST_CASE("related: the quoted octets must be in flight", "[tracker][related]") {
  Bench b;
  b.establish(Out);  // windows of 512 << 7
  const auto quoting = [&](std::uint32_t sequence) {
    Segment s = kInFlight;
    s.sequence = sequence;
    return b.error({}, s);
  };
  REQUIRE(b.send(kInFlight) == "forward");
  const std::uint32_t window = 512U << 7U;
  CHECK(quoting(5001) == "forward");
  CHECK(quoting(6001) == "forward");
  CHECK(quoting(6002) == "icmp-unrelated");
  CHECK(quoting(5001 - window) == "forward");
  CHECK(quoting(5000 - window) == "icmp-unrelated");
  CHECK(quoting(5001 + 0x80000000U) == "icmp-unrelated");
}

TEST_CASE("related: a SYN's error ends at the opener", "[tracker][related]") {
  Bench b;
  const Segment syn{.from = In, .flags = S, .sequence = 1000};
  REQUIRE(b.send(syn) == "open");
  CHECK(b.error({.code = 1}, syn) == "forward");
  CHECK(b.error({.code = 1}, {.from = In, .flags = S, .sequence = 2000}) == "icmp-unrelated");
}

TEST_CASE("related: errors about other flows are dropped", "[tracker][related]") {
  Bench b;
  b.flow.v6 = GENERATE(false, true);
  b.establish(Out);
  REQUIRE(b.send(kInFlight) == "forward");
  b.flow.outside_port += 1;
  CHECK(b.error({}, kInFlight) == "icmp-unrelated");
  b.flow.outside_port -= 1;
  b.flow.outside_host += 1;
  CHECK(b.error({}, kInFlight) == "icmp-unrelated");
  b.flow.outside_host -= 1;
  // A packet that came from outside cannot be reported by outside.
  CHECK(b.error({}, Segment{.sequence = 1001, .acknowledgement = 5001}) == "icmp-unrelated");
  CHECK(b.error({}, protocol::kUdp, kUdpBack, In) == "icmp-unrelated");
  CHECK(b.error({}, kInFlight) == "forward");
}

TEST_CASE("related: errors change nothing of the connection", "[tracker][related]") {
  Bench b;
  b.establish(Out);
  REQUIRE(b.send(kInFlight) == "forward");
  const Connection before = *b.record();
  b.skip(std::chrono::seconds(5));
  CHECK(b.error({.code = 1}, kInFlight) == "forward");
  CHECK(b.record()->last_seen == before.last_seen);
  CHECK(name(b.record()->state) == "established");
}

TEST_CASE("related: UDP and its port unreachable", "[tracker][related]") {
  Policy policy = Bench::quiet();
  const bool silent = GENERATE(true, false);
  policy.reply.udp = silent ? Policy::UdpReply::silent : Policy::UdpReply::unreachable;
  Bench b(256, policy);
  b.flow.v6 = GENERATE(false, true);
  const std::uint8_t type = b.flow.v6 ? icmp6::kUnreachable : icmp4::kUnreachable;
  const std::uint8_t port = b.flow.v6 ? icmp6::kCodePort : icmp4::kCodePort;
  const Error from_host{.from = In, .type = type, .code = port, .router = 10};
  REQUIRE(b.udp(Out) == "open");
  // A silent service must not differ from one that is not there.
  CHECK(b.error(from_host, protocol::kUdp, kUdp, Out) == (silent ? "udp-unreachable" : "forward"));
  CHECK(b.error({.type = type, .code = port}, protocol::kUdp, kUdpBack, In) == "forward");

  Bench opened(256, policy);
  opened.flow.v6 = b.flow.v6;
  REQUIRE(opened.udp(In) == "open");
  CHECK(opened.error(from_host, protocol::kUdp, kUdp, Out) == "forward");
  CHECK(opened.error({.type = type, .code = port, .router = 7}, protocol::kUdp, kUdpBack, In) ==
        "forward");
}

TEST_CASE("related: echo, and no error about an error", "[tracker][related]") {
  Bench b;
  b.flow.v6 = GENERATE(false, true);
  const std::uint8_t icmp = b.flow.v6 ? protocol::kIcmpv6 : protocol::kIcmp;
  const std::uint8_t asks = b.flow.v6 ? icmp6::kEcho : icmp4::kEcho;
  const std::uint8_t exceeded = b.flow.v6 ? icmp6::kTimeExceeded : icmp4::kTimeExceeded;
  REQUIRE(b.echo(In, true, 0) == "open");
  const Error e{.type = exceeded, .code = 0};
  CHECK(b.error(e, icmp, {asks, 0, 0, 0, 0, 0, 0, 1}, In) == "forward");
  CHECK(b.error(e, icmp, {asks, 0, 0, 0, 0, 9, 0, 1}, In) == "icmp-unrelated");
  // The identifier of an error is 0, as is this flow's.
  CHECK(b.error(e, icmp, {exceeded, 0, 0, 0, 0, 0, 0, 0}, In) == "icmp-unrelated");
}

TEST_CASE("related: the quote of an IPv6 fragment", "[tracker][related]") {
  Bench b;
  b.flow.v6 = true;
  REQUIRE(b.udp(Out) == "open");
  REQUIRE(b.udp(In) == "forward");
  std::vector<std::uint8_t> quote{protocol::kUdp, 0, 0, 1, 0, 0, 0, 9};
  quote.insert(quote.end(), kUdpBack.begin(), kUdpBack.end());
  const Error too_big{.type = icmp6::kPacketTooBig, .code = 0, .quote_bytes = 16};
  CHECK(b.error(too_big, protocol::kIpv6Fragment, quote, In) == "forward");
  Error cut = too_big;
  cut.quote_bytes = 15;
  CHECK(b.error(cut, protocol::kIpv6Fragment, quote, In) == "icmp-header");
  quote[3] = 9;  // a later fragment: its bytes are no ports
  CHECK(b.error(too_big, protocol::kIpv6Fragment, quote, In) == "icmp-header");
}

TEST_CASE("related: hosts' errors about TCP from outside stay inside, but those about an MTU",
          "[tracker][related]") {
  Bench b;
  b.flow.v6 = GENERATE(false, true);
  b.establish(Out);
  const Segment data{.from = Out, .sequence = 1001, .acknowledgement = 5001, .length = 1000};
  REQUIRE(b.send(data) == "forward");
  const std::uint8_t unreachable = b.flow.v6 ? icmp6::kUnreachable : icmp4::kUnreachable;
  for (const std::uint8_t code : std::to_array<std::uint8_t>({0, 1, 3}))
    CHECK(b.error({.from = In, .type = unreachable, .code = code}, data) == "host-error");
  if (b.flow.v6)
    CHECK(b.error({.from = In, .type = icmp6::kPacketTooBig, .code = 0}, data) == "forward");
  else
    CHECK(b.error({.from = In, .code = icmp4::kCodeFragmentationNeeded}, data) == "forward");
}
