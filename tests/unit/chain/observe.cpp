// SPDX-License-Identifier: BSD-3-Clause
// What a chain tells beyond its counters.
#include <algorithm>
#include <catch2/catch.hpp>

#include "../packet/craft.hpp"
#include "pair.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

std::vector<Event> of(EventType type, const std::vector<Event>& all) {
  std::vector<Event> some;
  std::copy_if(all.begin(), all.end(), std::back_inserter(some),
               [&](const Event& e) { return e.type == type; });
  return some;
}

Address address(const char* text) {
  return parse_address(text).value();
}

Probe to(const char* destination, std::uint16_t port, const char* source = "198.51.100.7") {
  Probe p;
  p.source = source;
  p.destination = destination;
  p.destination_port = port;
  return p;
}

}  // namespace

TEST_CASE("events: a dropped packet is told with its reason and ends", "[observe]") {
  Rig rig;
  Craft bad(to("203.0.113.10", 443));
  bad.put8(bad.bytes.size() - 1, 1);
  rig.send(Side::outside, bad.frame());
  const auto all = rig.events();
  REQUIRE(all.size() == 1);
  const Event& e = all[0];
  CHECK(e.type == EventType::drop);
  CHECK(e.has == (Event::kAddresses | Event::kReason));
  CHECK(e.reason == Reason::tcp_checksum);
  CHECK(e.source == address("198.51.100.7"));
  CHECK(e.destination == address("203.0.113.10"));
  CHECK(e.protocol == protocol::kTcp);
  CHECK(e.time == rig.now().time);
  CHECK(e.worker == 7);
  CHECK(e.suppressed == 0);
}

TEST_CASE("events: what cannot be parsed has no addresses", "[observe]") {
  Rig rig;
  rig.send(Side::outside, frame_of(Bytes{1, 2, 3}));
  const auto all = rig.events();
  REQUIRE(all.size() == 1);
  CHECK(all[0].reason == Reason::frame_truncated);
  CHECK((all[0].has & Event::kAddresses) == 0);
}

TEST_CASE("events: an attempt as evidence distrusts, and the next is diverted", "[observe]") {
  Rig rig;
  rig.send(Side::outside, to("203.0.113.99", 22));
  const auto all = rig.events();
  REQUIRE(all.size() == 1);
  const Event& e = all[0];
  CHECK(e.type == EventType::distrusted);
  CHECK(e.has == (Event::kAddresses | Event::kLevel | Event::kEvidence));
  CHECK(e.level == 1);
  CHECK(e.before == 0);
  CHECK(e.destination == address("203.0.113.99"));
  CHECK(e.destination_port == 22);
  CHECK(e.source_port == 40000);
  rig.send(Side::outside, to("203.0.113.99", 23));
  CHECK(rig.events().empty());
}

TEST_CASE("events: a proof of what is no service is a conversation and distrusts", "[observe]") {
  for (const bool v6 : {false, true}) {
    Pair t(v6, 22);
    t.greet();
    CHECK(t.rig.events().empty());
    t.prove();
    const auto all = t.rig.events();
    REQUIRE(all.size() == 2);
    CHECK(all[0].type == EventType::distrusted);
    CHECK((all[0].has & Event::kProven) != 0);
    CHECK(all[0].level == 1);
    CHECK(all[0].before == 0);
    CHECK(all[1].type == EventType::conversation);
    CHECK(all[1].level == 1);
    CHECK(all[1].source == address(v6 ? "2001:db8:ffff::7" : "198.51.100.7"));
    CHECK(all[1].destination == address(v6 ? "2001:db8:1::10" : "203.0.113.10"));
    CHECK(all[1].destination_port == 22);
  }
}

TEST_CASE("events: a connection is accepted, and ends", "[observe]") {
  for (const bool v6 : {false, true}) {
    Pair t(v6);
    t.connect();
    auto all = t.rig.events();
    REQUIRE(all.size() == 1);
    CHECK(all[0].type == EventType::accepted);
    CHECK(all[0].source == address(v6 ? "2001:db8:ffff::7" : "198.51.100.7"));
    CHECK(all[0].destination_port == 443);
    CHECK(all[0].level == 0);
    t.from_client(tcp::kRst, kClient + 1, 0);
    t.rig.wait(std::chrono::minutes(3));
    all = of(EventType::ended, t.rig.events());
    REQUIRE(all.size() == 1);
    CHECK(all[0].source == address(v6 ? "2001:db8:ffff::7" : "198.51.100.7"));
    CHECK(all[0].source_port == 40000);
    CHECK(all[0].destination == address(v6 ? "2001:db8:1::10" : "203.0.113.10"));
    CHECK(all[0].destination_port == 443);
    CHECK(all[0].protocol == protocol::kTcp);
  }
}

TEST_CASE("events: a host that refuses, and one that is mute", "[observe]") {
  SECTION("refuses") {
    Pair t;
    t.greet();
    t.prove();
    t.from_host(tcp::kRst | tcp::kAck, 0, kClient + 1);
    const auto told = of(EventType::host_refused, t.rig.events());
    REQUIRE(told.size() == 1);
    CHECK(told[0].source == address("198.51.100.7"));
    CHECK(told[0].destination == address("203.0.113.10"));
  }
  SECTION("mute") {
    Pair t;
    t.greet();
    t.prove();
    t.rig.wait(std::chrono::seconds(10));
    const auto told = of(EventType::host_mute, t.rig.events());
    REQUIRE(told.size() == 1);
    CHECK(told[0].destination_port == 443);
  }
}

TEST_CASE("heavy hitters: probes of what is no service, by source and destination", "[observe]") {
  Rig rig;
  for (int i = 0; i < 3; ++i) rig.send(Side::outside, to("203.0.113.99", 22));
  rig.send(Side::outside, to("203.0.113.98", 23));
  rig.send(Side::outside, to("203.0.113.10", 443, "198.51.100.8"));  // a service
  const auto count = [](const HeavyHitters& h, const HeavyHitters::Item& item) {
    std::uint64_t n = 0;
    for (const auto& row : h.rows())
      if (row.count != 0 && row.item == item) n = row.count;
    return n;
  };
  CHECK(count(rig.observer.sources, {address("198.51.100.7")}) == 4);
  CHECK(count(rig.observer.sources, {address("198.51.100.8")}) == 0);
  CHECK(count(rig.observer.destinations, {address("203.0.113.99"), 22, protocol::kTcp}) == 3);
  CHECK(count(rig.observer.destinations, {address("203.0.113.98"), 23, protocol::kTcp}) == 1);
}

TEST_CASE("heavy hitters: a probe is counted once the frames have left", "[observe]") {
  Rig rig;
  const auto counted = [&] {
    std::uint64_t n = 0;
    for (const auto& row : rig.observer.destinations.rows()) n += row.count;
    return n;
  };
  const HeavyHitters::Item source{address("198.51.100.7")};
  const HeavyHitters::Item target{address("203.0.113.99"), 22, protocol::kTcp};
  for (std::size_t i = 0; i < kBurst; ++i) rig.observer.note(source, target, 2, rig.now());
  CHECK(counted() == 0);
  rig.chain->settle(rig.now());
  CHECK(counted() == 2 * kBurst);
  rig.chain->settle(rig.now());
  CHECK(counted() == 2 * kBurst);
  // However many come before that, none is lost.
  for (std::size_t i = 0; i < 10 * kBurst; ++i) rig.observer.note(source, target, 1, rig.now());
  rig.chain->settle(rig.now());
  CHECK(counted() == 12 * kBurst);
}

TEST_CASE("capture: what ends for a reason, or is of an address", "[observe]") {
  Rig rig;
  Capture& capture = rig.observer.capture;
  const auto frames = [&] {
    std::vector<Capture::Frame> all;
    for (; capture.front() != nullptr; capture.pop()) all.push_back(*capture.front());
    return all;
  };
  const Probe open = to("203.0.113.10", 443);
  Craft bad(open);
  bad.put8(bad.bytes.size() - 1, 1);

  SECTION("nothing while it is off") {
    rig.send(Side::outside, bad.frame());
    CHECK(frames().empty());
  }
  SECTION("a reason") {
    capture.start({.reason = Reason::tcp_checksum, .address = {}, .bytes = 64});
    rig.send(Side::outside, bad.frame());
    rig.send(Side::outside, open);
    const auto all = frames();
    REQUIRE(all.size() == 1);
    CHECK(all[0].what == Capture::What::ended);
    CHECK(all[0].reason == Reason::tcp_checksum);
    CHECK(all[0].port == Side::outside);
    CHECK(all[0].time == rig.now().time);
    CHECK(all[0].length == bad.bytes.size());
    CHECK(all[0].captured == std::min<std::size_t>(64, bad.bytes.size()));
    CHECK(std::equal(all[0].bytes.begin(), all[0].bytes.begin() + all[0].captured,
                     bad.bytes.begin()));
  }
  SECTION("an address: ended, forwarded and made") {
    capture.start({.reason = {}, .address = address("198.51.100.7"), .bytes = 1518});
    rig.send(Side::outside, bad.frame());
    rig.send(Side::outside, open);
    rig.send(Side::outside, to("203.0.113.10", 443, "198.51.100.9"));
    rig.send(Side::outside, to("203.0.113.99", 22));  // answered by the box
    const auto all = frames();
    REQUIRE(all.size() == 4);
    CHECK(all[0].what == Capture::What::ended);
    CHECK(all[1].what == Capture::What::forwarded);
    CHECK(all[1].port == Side::inside);
    CHECK(all[2].what == Capture::What::ended);
    CHECK(all[2].reason == Reason::answered);
    CHECK(all[3].what == Capture::What::made);
    CHECK(all[3].port == Side::outside);
    CHECK(all[3].captured == all[3].length);
  }
  SECTION("a full ring loses, and counts") {
    capture.start({.reason = Reason::tcp_checksum, .address = {}, .bytes = 1518});
    for (std::size_t i = 0; i < Capture::kSlots + 3; ++i) rig.send(Side::outside, bad.frame());
    CHECK(capture.lost() == 3);
    CHECK(frames().size() == Capture::kSlots);
    rig.send(Side::outside, bad.frame());
    CHECK(frames().size() == 1);
    capture.stop();
    rig.send(Side::outside, bad.frame());
    CHECK(frames().empty());
  }
}
