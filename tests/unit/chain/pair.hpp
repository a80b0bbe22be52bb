// SPDX-License-Identifier: BSD-3-Clause
/// A client and a host on both sides of a box that answers first.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "rig.hpp"

namespace mitibox::test {

inline constexpr std::uint8_t S = tcp::kSyn;
inline constexpr std::uint8_t A = tcp::kAck;
inline constexpr std::uint8_t PA = tcp::kPsh | tcp::kAck;
inline constexpr std::uint32_t kClient = 1000;
inline constexpr std::uint32_t kHost = 0xfffffff0;  // wraps soon

inline const Bytes kOffer{2, 4, 5, 180, 1, 3, 3, 7, 4, 2, 1, 1};  // MSS 1460, WS 7, SACK

inline Policy handshake_policy() {
  Policy p = plain_policy();
  p.admission = Policy::Admission::handshake;
  p.trust.evidence = Policy::Evidence::proof;
  return p;
}

/// A client and a host on both sides of the box.
struct Pair {
  explicit Pair(const Policy& policy) : rig(policy) { address(false, 443); }
  explicit Pair(bool v6 = false, std::uint16_t port = 443) : rig(handshake_policy()) {
    address(v6, port);
  }
  void address(bool v6, std::uint16_t port) {
    if (v6) {
      client.source = host.destination = "2001:db8:ffff::7";
      client.destination = host.source = "2001:db8:1::10";
    } else {
      client.source = host.destination = "198.51.100.7";
      client.destination = host.source = "203.0.113.10";
    }
    client.destination_port = host.source_port = port;
    client.source_port = host.destination_port = 40000;
    std::swap(host.source_mac, host.destination_mac);
  }

  Outcome from_client(std::uint8_t flags, std::uint32_t sequence, std::uint32_t ack,
                      const std::string& data = {}) {
    client.flags = flags;
    client.sequence = sequence;
    client.acknowledgement = ack;
    client.payload.assign(data.begin(), data.end());
    return rig.send(Side::outside, client);
  }
  Outcome from_host(std::uint8_t flags, std::uint32_t sequence, std::uint32_t ack,
                    const std::string& data = {}) {
    host.flags = flags;
    host.sequence = sequence;
    host.acknowledgement = ack;
    host.payload.assign(data.begin(), data.end());
    return rig.send(Side::inside, host);
  }

  /// The client's handshake with the box.
  void greet(const Bytes& options = kOffer) {
    client.options = options;
    const Outcome o = from_client(S, kClient, 0);
    client.options.clear();
    REQUIRE(o.end == "answered");
    REQUIRE(o.passed.empty());
    REQUIRE(o.answers.size() == 1);
    CHECK(o.answers[0].sound());
    CHECK(o.answers[0].flags() == kSynAck);
    cookie = o.answers[0].sequence();
  }
  /// Up to the box's call.
  Outcome prove(const std::string& data = {}) {
    return from_client(data.empty() ? A : PA, kClient + 1, cookie + 1, data);
  }
  /// The host answers the call.
  Outcome pick_up(const Bytes& options = kOffer) {
    host.options = options;
    Outcome o = from_host(kSynAck, kHost, kClient + 1);
    host.options.clear();
    return o;
  }
  void connect() {
    greet();
    REQUIRE(prove().passed.size() == 1);
    REQUIRE(pick_up().answers.size() == 2);
  }

  Rig rig;
  Probe client;
  Probe host;
  std::uint32_t cookie = 0;
};

}  // namespace mitibox::test
